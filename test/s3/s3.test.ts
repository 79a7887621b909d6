import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3 } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { encodeImage } from '../../src/codecs/image.ts';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import { write } from '../../src/storage/s3-write.ts';
import { captureStreams, drawBox, filled, imageOf, rgba } from '../make.ts';
import { type Between, refusal, startProxy } from './proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'copypaste-s3-'));
const secrets = { AWS_ACCESS_KEY_ID: 'AKIAOFTHETEST', AWS_SECRET_ACCESS_KEY: 'theSecretKeyOfTheTest' };
const bare = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))),
  HOME: folder,
  XDG_CACHE_HOME: join(folder, 'cache'),
  AWS_EC2_METADATA_DISABLED: 'true',
};
let proxy: Between;
let s3: S3;
let env: Record<string, string | undefined>;
/** All that the tool has printed. */
let printed = '';

beforeAll(async () => {
  proxy = await startProxy(inject('port'));
  env = { ...bare, ...secrets, AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL: `http://user:passwordOfTheTest@127.0.0.1:${proxy.port}` };
  Object.assign(process.env, env);
  const credentials = { accessKeyId: secrets.AWS_ACCESS_KEY_ID, secretAccessKey: secrets.AWS_SECRET_ACCESS_KEY };
  s3 = new S3({ endpoint: `http://127.0.0.1:${inject('port')}`, region: 'us-east-1', forcePathStyle: true, credentials });
  await s3.createBucket({ Bucket: 'bucket' });
  for (const name of ['camvid', 'coco', 'yolo']) await upload(join('fixtures', name), name);
});
afterAll(() => {
  proxy.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => proxy.calm());

/** Relative paths of the files in a folder. */
function filesIn(root: string): string[] {
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((file) => statSync(join(root, file)).isFile())
    .sort();
}

async function upload(from: string, to: string): Promise<void> {
  for (const file of filesIn(from)) await s3.putObject({ Bucket: 'bucket', Key: `${to}/${file}`, Body: readFileSync(join(from, file)) });
}

async function keysIn(prefix: string): Promise<string[]> {
  const { Contents = [] } = await s3.listObjectsV2({ Bucket: 'bucket', Prefix: `${prefix}/` });
  return Contents.map(({ Key = '' }) => Key.slice(prefix.length + 1)).sort();
}

async function bytesOf(key: string): Promise<Buffer> {
  const { Body } = await s3.getObject({ Bucket: 'bucket', Key: key });
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** Expects the objects below a prefix to be the files of a folder. */
async function expectEqual(prefix: string, local: string): Promise<void> {
  expect(await keysIn(prefix)).toEqual(filesIn(local));
  for (const file of filesIn(local)) expect((await bytesOf(`${prefix}/${file}`)).equals(readFileSync(join(local, file))), file).toBe(true);
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  argv: readonly string[],
  more: Readonly<Record<string, string | undefined>> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['bin/copypaste.cjs', ...argv], { env: { ...env, ...more } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part) => (stdout += part));
  child.stderr.on('data', (part) => (stderr += part));
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => {
      printed += stdout + stderr;
      resolve({ code, stdout, stderr });
    }),
  );
  return { child, ended };
}

/** Runs a command in this process, or in one of its own if it has other variables. */
async function run(argv: readonly string[], more?: Readonly<Record<string, string | undefined>>): Promise<Ended> {
  if (more) return start(argv, more).ended;
  const streams = captureStreams();
  const code = await main(argv, streams);
  const { stdout, stderr } = streams.text;
  printed += stdout + stderr;
  return { code, stdout, stderr };
}

/** Runs a command that must succeed. */
async function succeed(...argv: string[]): Promise<Ended> {
  const ended = await run(argv);
  expect(ended.stderr + ended.code).toMatch(/(^|\n)0$/);
  return ended;
}

/** Requests of a method by the kind of file that they are about. */
function countOf(method: string, pattern: RegExp): number {
  return proxy.requests.filter((one) => one.method === method && pattern.test(one.path)).length;
}

test('a run from S3 to S3 has the bytes of a local one, ends at once when it is complete, and refuses other folders', async () => {
  const flags = ['-p', '1', '--quiet'];
  await succeed('augment', '--in', 'fixtures/camvid', '--out', join(folder, 'camvid'), ...flags);
  await succeed('augment', '--in', 's3://bucket/camvid/', '--out', 's3://bucket/aug/camvid', ...flags);
  // 10 samples, of which 8 are augmented: each file is read for its header and as a whole, and written once.
  expect(countOf('PUT', /\/aug\/camvid\/(train|val)/)).toBe(20);
  expect(countOf('GET', /\/camvid\/(train|val).*(jpg|png)/)).toBeLessThanOrEqual(2 * 20 + 8);
  await expectEqual('aug/camvid', join(folder, 'camvid'));

  proxy.calm();
  await succeed('augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/aug/camvid', ...flags);
  expect(countOf('PUT', /./)).toBe(0);
  const other = await run(['augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/aug/camvid', '-p', '0.5', '--quiet']);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('contains another run: p was 1 and is now 0.5') });
  const foreign = await run(['augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/coco', '--quiet']);
  expect(foreign).toMatchObject({
    code: 73,
    stderr: expect.stringMatching(/^copypaste: --out s3:\/\/bucket\/coco: not empty \(.*\); choose/),
  });

  // A stray file is kept, those of the earlier run are replaced.
  await s3.putObject({ Bucket: 'bucket', Key: 'aug/camvid/mine.txt', Body: 'mine' });
  await succeed('augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/aug/camvid', '-p', '0.5', '--overwrite', '--quiet');
  await succeed('augment', '--in', 'fixtures/camvid', '--out', join(folder, 'half'), '-p', '0.5', '--quiet');
  expect((await bytesOf('aug/camvid/mine.txt')).toString()).toBe('mine');
  await s3.deleteObject({ Bucket: 'bucket', Key: 'aug/camvid/mine.txt' });
  await expectEqual('aug/camvid', join(folder, 'half'));
  await succeed('verify', 's3://bucket/aug/camvid', '--deep', '--in', 's3://bucket/camvid');
});

test('shards that are planned, done, counted and merged in S3 have the bytes of a local run', async () => {
  const file = join(folder, 'set.run');
  const { stdout } = await succeed(
    'plan',
    '--in',
    's3://bucket/coco',
    '--out',
    's3://bucket/aug/coco',
    '-p',
    '1',
    '--shards',
    '3',
    '--fast',
    '--quiet',
  );
  writeFileSync(file, stdout);
  await s3.putObject({ Bucket: 'bucket', Key: 'set.run', Body: stdout });
  const ofRun = ['--run', 's3://bucket/set.run'];
  await succeed('augment', ...ofRun, '--shard', '2/3', '--quiet');
  const status = await run(['status', '--run', file]);
  expect(status).toMatchObject({ code: 3, stdout: expect.stringContaining('missing: 1,3') });
  const early = await run(['merge', ...ofRun]);
  expect(early).toMatchObject({ code: 66, stderr: expect.stringContaining('shards are not done: 1,3 of 3') });
  // Two processes that do one shard write the same bytes, on two machines and on one.
  for (const [shard, caches] of [
    ['1/3', ['cache-1', 'cache-2']],
    ['3/3', ['cache', 'cache']],
  ] as const) {
    const argv = ['augment', '--run', file, '--shard', shard, '--quiet'];
    const both = await Promise.all(caches.map((cache) => run(argv, { XDG_CACHE_HOME: join(folder, cache) })));
    expect(both.map(({ code, stderr }) => stderr + code)).toEqual(['0', '0']);
    expect((await bytesOf(`aug/coco/shard-${shard.replace('/', '-of-')}.jsonl`)).toString()).toMatch(/\n\{"done":.*\n$/);
  }
  await succeed('status', ...ofRun);
  const merges = await Promise.all([1, 2, 3].map(() => run(['merge', '--run', file, '--quiet'], {})));
  expect(merges.map(({ code, stderr }) => stderr + code)).toEqual(['0', '0', '0']);
  expect(filesIn(join(folder, 'cache')).filter((name) => name.includes('shard-'))).toEqual([]);
  await succeed('augment', '--in', 'fixtures/coco', '--out', join(folder, 'coco'), '-p', '1', '--quiet');
  await expectEqual('aug/coco', join(folder, 'coco'));
});

test('worker threads make as many requests for each sample as the documentation says', async () => {
  const [count, width, height] = [208, 64, 48];
  const mask = Buffer.from(await encodeMask(drawBox(filled(width, height, 0), [20, 10, 40, 30], 1)));
  for (let n = 0; n < count; n++) {
    const image = Buffer.from(
      await encodeImage(
        imageOf(width, height, (x, y) => rgba(3 * x, 5 * y, n)),
        'jpeg',
        90,
      ),
    );
    await s3.putObject({ Bucket: 'bucket', Key: `many/images/${n}.jpg`, Body: image });
    await s3.putObject({ Bucket: 'bucket', Key: `many/masks/${n}.png`, Body: mask });
  }
  proxy.calm();
  const { code, stderr } = await run(['augment', '--in', 's3://bucket/many', '--out', 's3://bucket/aug/many', '-p', '1', '--quiet'], {});
  expect(stderr + code).toBe('0');
  expect(countOf('GET', /\/many\/images/)).toBe(2 * count);
  expect(countOf('PUT', /\/aug\/many\/(images|masks)/)).toBe(2 * count);
  // Palettes of some masks are looked at, to find the classes.
  const masks = countOf('GET', /\/many\/masks/);
  expect(masks).toBeGreaterThanOrEqual(2 * count);
  expect(masks).toBeLessThanOrEqual(2 * count + 16);
  // Listing, claim, manifest and end of the run.
  expect(proxy.requests.filter(({ path }) => !/\/many\/(images|masks)\//.test(path)).length).toBeLessThan(20);
});

test('a body that is cut midway goes on where it broke, and a store that is asked too often is asked again', async () => {
  proxy.cutAfter = 20_000;
  let busy = 3;
  proxy.meet = ({ path }) => (path.includes('/yolo') && busy-- > 0 ? refusal(503, 'SlowDown') : undefined);
  await succeed('augment', '--in', 's3://bucket/yolo', '--out', 's3://bucket/aug/yolo', '-p', '1', '--quiet');
  expect(busy).toBeLessThan(0);
  const images = proxy.requests.filter(({ method, path }) => method === 'GET' && /\/yolo\/.*\.(jpg|png)/.test(path));
  expect(images.length).toBeGreaterThan(3 * new Set(images.map(({ path }) => path)).size);
  await succeed('augment', '--in', 'fixtures/yolo', '--out', join(folder, 'yolo'), '-p', '1', '--quiet');
  await expectEqual('aug/yolo', join(folder, 'yolo'));
});

test('a file that has the name of a journal is left as it is', async () => {
  await s3.putObject({ Bucket: 'bucket', Key: 'mine/run.jsonl', Body: 'mine' });
  const ended = await run(['augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/mine', '--quiet']);
  expect(ended).toMatchObject({ code: 73, stderr: expect.stringMatching(/^copypaste: s3:\/\/bucket\/mine\/run.jsonl: is not a/) });
  expect((await bytesOf('mine/run.jsonl')).toString()).toBe('mine');
});

test('an object that changes after it was listed is an error', async () => {
  await upload('fixtures/camvid', 'changing');
  let changed = false;
  const [copied] = (await keysIn('changing')).filter((key) => /^val\/.*\.jpg$/.test(key));
  proxy.meet = async ({ method, path }) => {
    if (method !== 'PUT' || changed || !path.includes('/train')) return undefined;
    changed = true;
    const Key = `changing/${copied}`;
    await s3.putObject({ Bucket: 'bucket', Key, Body: Buffer.concat([await bytesOf(Key), Buffer.from('x')]) });
    return undefined;
  };
  const ended = await run(['augment', '--in', 's3://bucket/changing', '--out', 's3://bucket/aug/changing', '--quiet']);
  expect(ended).toMatchObject({
    code: 74,
    stderr: `copypaste: ${copied}: cannot be read: it has changed since it was listed or begun; run again\n`,
  });
  expect(await keysIn('aug/changing')).not.toContain('manifest.json');
});

test('a write that meets another one is repeated', async () => {
  let conflicts = 2;
  proxy.meet = ({ method, path }) =>
    method === 'PUT' && path.includes('/met/') && conflicts-- > 0 ? refusal(409, 'ConditionalRequestConflict') : undefined;
  await succeed('augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/met', '-p', '1', '--quiet');
  expect(conflicts).toBeLessThan(0);
  expect(await keysIn('met')).toContain('manifest.json');
});

test('a large object is sent in parts, once', async () => {
  const bytes = Buffer.alloc((20 << 20) + 1, 'copypaste');
  const data = async function* () {
    for (let at = 0; at < bytes.length; at += 3 << 20) yield bytes.subarray(at, at + (3 << 20));
  };
  const path = 's3://bucket/large/object';
  await write(path, data, true);
  expect((await bytesOf('large/object')).equals(bytes)).toBe(true);
  expect(countOf('PUT', /partNumber=/)).toBe(3);
  // The same bytes are there already; others are refused.
  await write(path, data, true);
  bytes[bytes.length - 1] = 0;
  await expect(write(path, data, true)).rejects.toMatchObject({ code: 'EEXIST' });
});

describe('a run that is killed', () => {
  const flags = ['--in', 's3://bucket/camvid', '-p', '1', '--batch-size', '2', '--jobs', '1', '--quiet'];

  async function killed(out: string, more = {}, after = 11): Promise<void> {
    const { child, ended } = start(['augment', ...flags, '--out', `s3://bucket/${out}`], more);
    let puts = 0;
    proxy.meet = ({ method, path }) => {
      if (method === 'PUT' && path.includes(`/${out}/train`) && ++puts === after) child.kill('SIGKILL');
      return undefined;
    };
    expect((await ended).code).toBe(null);
    expect(await keysIn(out)).toContain('run.jsonl');
    proxy.calm();
  }

  test('continues from the journal of its machine', async () => {
    await succeed('augment', ...flags.with(1, 'fixtures/camvid'), '--out', join(folder, 'small'));
    await killed('aug/killed');
    await succeed('augment', ...flags, '--out', 's3://bucket/aug/killed');
    expect(countOf('PUT', /\/aug\/killed\/train/)).toBeLessThan(16);
    await expectEqual('aug/killed', join(folder, 'small'));
  });

  test('starts again on another machine, where it cannot be overwritten', async () => {
    await killed('aug/moved');
    const elsewhere = { XDG_CACHE_HOME: join(folder, 'elsewhere') };
    const argv = ['augment', ...flags, '--out', 's3://bucket/aug/moved'];
    const other = await run([...argv, '--seed', '7'], elsewhere);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('contains another run: seed was') });
    const over = await run([...argv, '--overwrite'], elsewhere);
    expect(over).toMatchObject({ code: 73, stderr: expect.stringContaining('holds an interrupted run of another machine') });
    expect(await run(argv, elsewhere)).toMatchObject({ code: 0 });
    expect(countOf('PUT', /\/aug\/moved\/train/)).toBe(16);
    await expectEqual('aug/moved', join(folder, 'small'));
  });

  test('is not overwritten by a machine that has done only a part of it', async () => {
    const elsewhere = { XDG_CACHE_HOME: join(folder, 'third') };
    await killed('aug/parted');
    await killed('aug/parted', elsewhere, 1);
    const over = await run(['augment', ...flags, '--out', 's3://bucket/aug/parted', '--overwrite'], elsewhere);
    expect(over).toMatchObject({ code: 73, stderr: expect.stringContaining('holds an interrupted run of another machine') });
  });

  test('keeps its claim when another machine stops before its first batch', async () => {
    await killed('aug/claimed');
    proxy.meet = ({ method, path }) => (method === 'GET' && /camvid\/(train|val)/.test(path) ? refusal(403, 'AccessDenied') : undefined);
    const other = await run(['augment', ...flags, '--out', 's3://bucket/aug/claimed'], { XDG_CACHE_HOME: join(folder, 'fourth') });
    expect(other.code).toBe(74);
    proxy.calm();
    expect(await keysIn('aug/claimed')).toContain('run.jsonl');
    await succeed('augment', ...flags, '--out', 's3://bucket/aug/claimed');
    expect(countOf('PUT', /\/aug\/claimed\/train/)).toBeLessThan(16);
  });
});

describe('one line says what is wrong', () => {
  const inspect = ['inspect', '--in', 's3://bucket/camvid'];

  test.each([
    [
      'a bucket that does not exist',
      ['inspect', '--in', 's3://nobucket/x'],
      {},
      66,
      's3://nobucket/x: cannot be listed: there is no such bucket as nobucket; check the path',
    ],
    [
      'a folder that does not exist',
      ['inspect', '--in', 's3://bucket/nothing'],
      {},
      66,
      's3://bucket/nothing: cannot be listed: there are no objects; check the path',
    ],
    [
      'an output bucket that does not exist',
      ['augment', '--in', 'fixtures/camvid', '--out', 's3://nobucket/x', '--quiet'],
      {},
      73,
      '--out s3://nobucket/x: cannot be read as a folder: there is no such bucket as nobucket; choose another folder',
    ],
    [
      'a file of measures that does not exist',
      [
        'plan',
        '--in',
        's3://bucket/camvid',
        '--out',
        join(folder, 'x'),
        '--shards',
        '2',
        '--balance',
        'inverse',
        '--join',
        's3://bucket/none',
        '--quiet',
      ],
      {},
      66,
      's3://bucket/none: there is no such file; pass a file of the parts that plan --measure has printed',
    ],
    [
      'no folder for the journal',
      ['augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/x', '--quiet'],
      { XDG_CACHE_HOME: '/proc/nope' },
      73,
      'the folder of journals cannot be created: ENOENT: no such file or directory; set XDG_CACHE_HOME to a folder that can be written',
    ],
    [
      'no credentials',
      inspect,
      { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
      74,
      'there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    ],
    [
      'a profile that is not there',
      inspect,
      { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, AWS_PROFILE: 'typo' },
      74,
      'the profile typo gives no AWS credentials; correct AWS_PROFILE, or log in to it',
    ],
    ['no region', inspect, { AWS_REGION: undefined }, 74, 'there is no AWS region; set AWS_REGION'],
    [
      'another scheme, without the rest of the address',
      ['inspect', '--in', 'https://b.example/x?X-Amz-Signature=theSecretKeyOfTheTest'],
      {},
      2,
      'https:// is not supported; pass a folder of a disk, or s3://BUCKET/PREFIX',
    ],
    [
      'a password in the place of the bucket',
      ['inspect', '--in', 's3://me:theSecretKeyOfTheTest@bucket/x'],
      {},
      2,
      'the name of the bucket is not valid; pass s3://BUCKET/PREFIX',
    ],
    [
      'hard links',
      ['augment', '--in', 's3://bucket/camvid', '--out', join(folder, 'x'), '--link'],
      {},
      2,
      '--link: s3://bucket/camvid is on no disk, and cannot hold hard links; leave it out',
    ],
    [
      'overlapping folders',
      ['augment', '--in', 's3://bucket/camvid', '--out', 's3://bucket/camvid/out'],
      {},
      2,
      'overlaps with --in s3://bucket/camvid',
    ],
    [
      'no SDK',
      inspect,
      { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(withoutSdk()).replaceAll("'", '%27')}` },
      69,
      's3:// needs the AWS SDK, which is not installed; run npm install @aws-sdk/client-s3',
    ],
  ] as const)('%s', async (_, argv, more, code, line) => {
    const { stderr, ...ended } = await run(argv, more);
    expect(stderr).toContain(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.code).toBe(code);
  });

  test.each([
    ['AccessDenied', 403, 74, 'permission denied'],
    ['InvalidAccessKeyId', 403, 74, 'the access key is not known'],
    ['ExpiredToken', 400, 74, 'the credentials have expired; renew them'],
    ['SlowDown', 503, 74, 'the store is asked too often; lower --jobs, or try later'],
  ] as const)('%s', async (name, status, code, line) => {
    proxy.meet = () => refusal(status, name);
    const { stderr, ...ended } = await run(inspect, { AWS_MAX_ATTEMPTS: '2' });
    expect(stderr).toContain(line);
    expect(ended.code).toBe(code);
  });
});

/** A module that hides the SDK. */
function withoutSdk(): string {
  const hook = `export async function resolve(name, context, next) {
    if (name.startsWith('@aws-sdk/')) throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }`;
  return `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(hook).replaceAll("'", '%27')}');`;
}

test('archives are read in place, by a process that has listed them and by one that has not', async () => {
  const [packed, data] = [join(folder, 'packed'), join(folder, 'packed-out')];
  await succeed('pack', 'webdataset', '--in', 'fixtures/camvid', '--out', packed, '--quiet');
  await upload(packed, 'packed');
  await succeed('augment', '--in', packed, '--out', data, '-p', '1', '--quiet');
  await succeed('augment', '--in', 's3://bucket/packed', '--out', 's3://bucket/packed-out', '-p', '1', '--quiet');
  await expectEqual('packed-out', data);
  const { stdout } = await succeed(
    'plan',
    '--in',
    's3://bucket/packed',
    '--out',
    's3://bucket/packed-run',
    '--shards',
    '1',
    '-p',
    '1',
    '--quiet',
  );
  writeFileSync(join(folder, 'packed.run'), stdout);
  const shard = await run(['augment', '--run', join(folder, 'packed.run'), '--shard', '1/1', '--jobs', '16', '--quiet'], {});
  expect(shard).toMatchObject({ code: 0, stderr: '' });
  await succeed('merge', '--run', join(folder, 'packed.run'), '--quiet');
  await expectEqual('packed-run', data);
});

test('nothing that is printed, written or kept has a credential', async () => {
  const keys = (await s3.listObjectsV2({ Bucket: 'bucket', Prefix: 'aug/' })).Contents ?? [];
  const texts = await Promise.all(keys.flatMap(({ Key = '' }) => (/\.jsonl?$/.test(Key) ? [bytesOf(Key).then(String)] : [])));
  const kept = filesIn(join(folder, 'cache')).map((file) => readFileSync(join(folder, 'cache', file), 'utf8'));
  expect(texts.length).toBeGreaterThan(4);
  for (const text of [printed, readFileSync(join(folder, 'set.run'), 'utf8'), ...texts, ...kept])
    for (const secret of [...Object.values(secrets), 'passwordOfTheTest', 'Signature']) expect(text).not.toContain(secret);
});
