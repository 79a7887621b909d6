import { appendFile, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type JournalLine, openJournal } from '../../src/output/journal.ts';
import { type ManifestHead, schemaVersion } from '../../src/output/manifest.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const newPath = (): string => join(folder, `${number++}.jsonl`);

const head: ManifestHead = {
  schema: schemaVersion,
  tool: { name: 'copypaste', version: '1.2.3' },
  codecs: {},
  seed: 7,
  options: {},
  layout: { name: 'paired', folders: [], split: '', background: [0], ignore: [255] },
  input: { files: 2, bytes: 10, listing: '0'.repeat(64) },
};
const batch = { end: '0.0', outcomes: [{ id: 'a', skipped: 'a.png: is damaged' }], read: [] };

/** A journal to which a run has added lines. */
async function journalOf(...lines: JournalLine[]): Promise<string> {
  const path = newPath();
  const journal = await openJournal(path);
  for (const line of lines) await journal.add(line);
  await journal.close();
  return path;
}

test('a journal returns what an earlier run has added, and its suspects are batches that have not ended', async () => {
  const path = await journalOf(
    { head },
    { poison: 'b', reason: 'b.png: crashes' },
    { begin: '0.0', files: ['a.png'] },
    { begin: '0.1', files: ['c.png'] },
    { entry: '0.0.0', of: { image: 'a.png' } },
    batch,
  );
  const journal = await openJournal(path);
  expect(journal.head).toEqual(head);
  expect(journal.begun).toBe(true);
  expect([...journal.suspects]).toEqual(['0.1']);
  expect([...journal.poison]).toEqual([['b', 'b.png: crashes']]);
  expect(await journal.recall('0.0')).toEqual(batch);
  expect(await journal.recall('0.1')).toBe(undefined);
  expect(await journal.entry('0.0.0')).toEqual({ image: 'a.png' });
  expect(await journal.entry('0.0.1')).toBe(undefined);
  expect([...(await journal.files())]).toEqual(['a.png', 'c.png']);
  await journal.close();
});

test('a new journal has neither a head nor a batch', async () => {
  const journal = await openJournal(newPath());
  expect([journal.head, journal.begun, journal.suspects.size]).toEqual([undefined, false, 0]);
  await journal.close();
});

test('a journal recalls a batch of the run in progress once it is read again', async () => {
  const journal = await openJournal(newPath());
  await Promise.all([journal.add({ head }), journal.add({ begin: '0.0', files: [] }), journal.add(batch)]);
  expect(await journal.recall('0.0', true)).toBe(undefined);
  await journal.read();
  expect(await journal.recall('0.0', true)).toEqual(batch);
  await journal.close();
});

test('a run that was stopped in order has no suspects', async () => {
  const journal = await openJournal(await journalOf({ head }, { begin: '0.0', files: [] }, { stopped: true }));
  expect([...journal.suspects]).toEqual([]);
  await journal.close();
});

test('an incomplete last line is ignored, and the next line does not continue it', async () => {
  const path = await journalOf({ head }, { begin: '0.0', files: [] });
  await appendFile(path, JSON.stringify(batch).slice(0, -9));
  const journal = await openJournal(path);
  expect(await journal.recall('0.0')).toBe(undefined);
  expect([...journal.suspects]).toEqual(['0.0']);
  await journal.add(batch);
  await journal.close();
  const again = await openJournal(path);
  expect(await again.recall('0.0')).toEqual(batch);
  await again.close();
});

test('a line that does not fit the schema is not recalled', async () => {
  const path = await journalOf({ head });
  await appendFile(path, '{"end":"0.0","outcomes":[{"id":5}],"read":[]}\n{"begin":"0.1","files":["../a.png"]}\n');
  const journal = await openJournal(path);
  expect(await journal.recall('0.0')).toBe(undefined);
  expect(await journal.files()).toEqual(new Set());
  await journal.close();
});

test('an entry may be longer than the part of the file that is read at once', async () => {
  const of = { points: 'ü'.repeat(400_000) };
  const journal = await openJournal(await journalOf({ head }, { entry: '0.0.0', of }, batch));
  expect(await journal.entry('0.0.0')).toEqual(of);
  expect(await journal.recall('0.0')).toEqual(batch);
  await journal.close();
});

test('a file that is no journal is refused and stays as it is, and so is a symbolic link', async () => {
  const path = newPath();
  await writeFile(path, 'my notes');
  await expect(openJournal(path)).rejects.toMatchObject({ code: 'cannotCreate' });
  expect(await readFile(path, 'utf8')).toBe('my notes');
  const link = newPath();
  await symlink(await journalOf({ head }), link);
  await expect(openJournal(link)).rejects.toMatchObject({ code: 'io' });
});

test('a head of another command or version is told apart from a torn one', async () => {
  const path = await journalOf({ head: { kind: 'bank' } as unknown as ManifestHead });
  const journal = await openJournal(path);
  expect([journal.head, journal.other]).toEqual([undefined, true]);
  await journal.close();
  const torn = newPath();
  await writeFile(torn, '{"head":{"schema":3,');
  const other = await openJournal(torn);
  expect([other.head, other.other]).toEqual([undefined, false]);
  await other.close();
});
