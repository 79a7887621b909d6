import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refuseOverlap } from '../../src/output/overlap.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const input = join(folder, 'data');
await mkdir(join(input, 'images'), { recursive: true });
await mkdir(join(folder, 'elsewhere'));
await symlink(input, join(folder, 'link'));
await symlink(join(folder, 'elsewhere'), join(input, 'away'));

test.each(['data', 'data/images', 'data/new/deep', 'data/..new', '.', 'link', 'link/new', 'elsewhere/../data/x'])(
  'an output that contains the input or lies in it is refused: %s',
  async (out) => {
    await expect(refuseOverlap(input, `${folder}/${out}`)).rejects.toMatchObject({ code: 'usage' });
    await expect(refuseOverlap(join(folder, 'link'), `${folder}/${out}`)).rejects.toMatchObject({ code: 'usage' });
  },
);

test.each(['data2', 'new', '..data', 'elsewhere/data', 'data/away/new'])('an output beside the input is accepted: %s', async (out) => {
  await refuseOverlap(input, `${folder}/${out}`);
});

test('the message names the flag of the folder that the output overlaps with', async () => {
  await expect(refuseOverlap(input, join(input, 'x'), '--sources')).rejects.toThrow(`overlaps with --sources ${input}`);
});
