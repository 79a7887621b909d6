// Loaded by a command of the benchmark before it starts: writes its processor time and its largest memory to the file USAGE when it ends.
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.argv[1]?.endsWith('copypaste.cjs'))
  process.on('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    writeFileSync(process.env.USAGE, JSON.stringify({ bytes: maxRSS * 1024, cpu: (userCPUTime + systemCPUTime) / 1e6 }));
  });
