import { inParts } from '../base/parts.ts';
import type { Programs } from '../engine/programs.ts';
import { exitCodes, messageOf } from '../errors.ts';
import { doctorOptions, type Given } from '../options.ts';
import { type Probe, probeBackend, testCpu, withBackend } from '../render/backend.ts';
import { type BackendName, backendNames } from '../render/backends.ts';
import { selfTestDigest } from '../render/selftest.ts';
import { resolveOptions } from '../schema.ts';
import { installSdk, sdkVersion } from '../storage/s3-client.ts';
import { version } from '../version.ts';
import type { Streams } from './streams.ts';

/** Opens and tests each backend on this machine, and prints the results. @param programs absent if this process does all tests. */
export async function run(given: Given<typeof doctorOptions>, { stdout }: Streams, programs?: Programs): Promise<number> {
  const { backend: only, json } = resolveOptions(doctorOptions, given);
  const names = only === undefined ? backendNames : [only];
  const apart = only === undefined ? programs : undefined;
  const probes = apart ? await Promise.all(names.map((name) => probeBackend(name, apart.command))) : await inParts(names, 1, probeHere);
  if (json) stdout.write(`${JSON.stringify(only === undefined ? { version, node: process.version, backends: probes } : probes[0])}\n`);
  else for (const line of report(probes, only === undefined)) stdout.write(`${line}\n`);
  return only !== undefined && !probes[0]?.available ? exitCodes.unavailable : 0;
}

async function probeHere(name: BackendName): Promise<Probe> {
  return withBackend(name, async ({ render: _, ...backend }) => {
    if (name === 'cpu') await testCpu();
    return { available: true, ...backend } as const;
  }).catch((error: unknown): Probe => ({ available: false, name, problem: messageOf(error).replace(`backend ${name}: `, '') }));
}

/** @param wholeTool true if all backends were tested. */
function report(probes: readonly Probe[], wholeTool: boolean): string[] {
  const lines = [`copypaste ${version}, Node ${process.version}, ${process.platform} ${process.arch}`];
  for (const probe of probes) {
    const name = probe.name.padEnd(12);
    if (!probe.available) {
      lines.push(`${name}not available: ${probe.problem}`);
      continue;
    }
    const { version, device, hardware, batchPixels, limits } = probe;
    lines.push(`${name}${hardware ? 'GPU' : 'computes on the CPU'}: ${device}; ${version}`);
    lines.push(`${' '.repeat(12)}self-test passed: digest ${selfTestDigest.slice(0, 12)} equals the reference`);
    const numbers = Object.entries({ ...(batchPixels > 0 && { batchPixels }), ...limits }).map(([limit, value]) => `${limit} ${value}`);
    if (numbers.length > 0) lines.push(`${' '.repeat(12)}${numbers.join(', ')}`);
  }
  const sdk = sdkVersion();
  if (wholeTool) lines.push(`${'s3://'.padEnd(12)}${sdk === undefined ? `not available: not installed; ${installSdk}` : `AWS SDK ${sdk}`}`);
  return lines;
}
