// Augments the fixtures into demo/ and draws before/after pictures, with the commands that it prints.
import { rmSync } from 'node:fs';
import { main } from '../dist/cli/main.js';

const commands = [
  'augment --in fixtures/camvid --out demo/aug -p 0.5',
  // README's picture is the result.
  'preview --in fixtures/camvid --out demo/preview.webp -n 1 -p 1 --seed 1 --classes car,pedestrian,bicyclist --paste-on road,pavement --join 6px --max-instances 3 --min-area 0.004',
];

rmSync('demo', { recursive: true, force: true });
for (const command of commands) {
  console.error(`\n$ copypaste ${command}`);
  process.exitCode = await main(command.split(' '), process);
  if (process.exitCode) break;
}
