/** Job files: a job for each shard of a run and one that merges them, complete and to be edited. */

import { quoted } from '../base/shell.ts';

/** What a shard needs. */
export interface RunResources {
  /** Processors, and value of `--jobs`. */
  readonly cpus: number;
  /** Value of `--memory`, in MiB. */
  readonly pixelMemory: number;
  /** Memory of the whole process, in MiB. */
  readonly memory: number;
}

/** A run in a job file; its paths are as the command line gave them. */
export interface RunJob extends RunResources {
  /** Name of the job. */
  readonly name: string;
  /** Run file. */
  readonly run: string;
  readonly shards: number;
  /** Name of the record file of a shard, in the output. @param shard its number, or a pattern of numbers. */
  readonly record: (shard: string) => string;
  /** Manifest of the output. */
  readonly manifest: string;
  readonly version: string;
}

/** Exit codes after which the same command would fail again: usage, bad data, no input, a bug. */
const final = [2, 65, 66, 70];

/** Options that keep a shard within its resources, whatever the machine has. */
function limits({ cpus, pixelMemory }: Pick<RunResources, 'cpus' | 'pixelMemory'>): string[] {
  return ['--jobs', `${cpus}`, '--memory', `${pixelMemory}MB`, '--quiet'];
}

/** Where the figures come from, for whoever edits them. */
const figures = 'Processors and memory suit the sizes of the images in the run file. --jobs and --memory keep a shard within them.';

/** The end of a container of a Kubernetes job, and of the last one with the volume of its pod, which all pods share. */
const mount = `          volumeMounts:
            - { name: work, mountPath: /work }
`;
const sharedVolume = `${mount}      volumes:
        - name: work
          persistentVolumeClaim: { claimName: work }
`;

/** Job files by scheduler. */
export const jobFiles = {
  slurm: ({ name, run, memory, ...job }: RunJob): string => `#!/bin/bash
# Augments in shards on Slurm, and merges them.
#   bash FILE      submits the shards that are not done, and the merge after them; give it again if some have failed
# Slurm reads the options below for the shards and for the merge. Edit them, and the first lines of the script.
#SBATCH --job-name=${name}
# ${figures}
#SBATCH --cpus-per-task=${job.cpus}
#SBATCH --mem=${memory}M
#SBATCH --time=04:00:00
# A shard that is preempted, or whose node fails, is queued again, and continues.
#SBATCH --requeue
# A minute before the end of its time a shard is told to stop; it keeps what it has done.
#SBATCH --signal=B:TERM@60
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.log

set -eu
run=${quoted(run)}
copypaste=copypaste

case \${1-submit} in
shard)
  # exec, so that signals reach the tool.
  exec "$copypaste" augment --run "$run" --shard "slurm+$2" ${limits(job).join(' ')}
  ;;
merge)
  exec "$copypaste" merge --run "$run"
  ;;
submit)
  jobs=
  # A line for each array, since Slurm limits their indices; 3 is the exit code if shards are missing.
  arrays=$("$copypaste" status --run "$run" --missing slurm) || { code=$?; [ $code -eq 3 ] || exit $code; }
  while read -r array offset; do
    [ -n "$array" ] || continue
    id=$(sbatch --parsable --array="$array" "$0" shard "\${offset:-0}")
    jobs=$jobs:\${id%%;*}
    echo "shards $array\${offset:+ + $offset}: job $id"
  done <<< "$arrays"
  echo "merge: job $(sbatch --parsable \${jobs:+--dependency=afterok$jobs} --kill-on-invalid-dep=yes --output=%x-%j.log "$0" merge)"
  ;;
esac
`,

  k8s: ({
    name,
    run,
    shards,
    version,
    memory,
    ...job
  }: RunJob): string => `# Augments in shards on Kubernetes (1.29 or later), and merges them: kubectl apply -f FILE
# Edit the image, the claim of the volume with the data, the run file and the output, and the resources.
# ${figures}
apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
spec:
  completions: ${shards}
  parallelism: ${Math.min(shards, 64)}
  completionMode: Indexed
  # A shard is tried again up to three times; others go on meanwhile.
  backoffLimitPerIndex: 3
  # Kubernetes takes no more than 10,000 here if there are more than 100,000 shards.
  maxFailedIndexes: ${shards > 100_000 ? 10_000 : shards}
  podFailurePolicy:
    rules:
      # Preempted or evicted: not a failure of the shard.
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
            status: "True"
      # Wrong usage, bad data, no input, a bug: would fail again.
      - action: FailIndex
        onExitCodes:
          operator: In
          values: [${final.join(', ')}]
  template:
    spec:
      restartPolicy: Never
      # The tool needs four seconds to end.
      terminationGracePeriodSeconds: 30
      containers:
        - name: shard
          image: copypaste:${version}
          workingDir: /work
          # The tool is the first process, so that signals reach it.
          command: [copypaste, augment, --run, ${JSON.stringify(run)}, --shard, k8s, ${limits(job)
            .map((word) => (/^\d+$/.test(word) ? `"${word}"` : word))
            .join(', ')}]
          resources:
            requests: { cpu: "${job.cpus}", memory: ${memory}Mi }
            limits: { memory: ${memory}Mi }
${sharedVolume}---
apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}-merge
spec:
  backoffLimit: 3
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
            status: "True"
      - action: FailJob
        onExitCodes:
          operator: In
          values: [${final.join(', ')}]
  template:
    spec:
      restartPolicy: Never
      initContainers:
        - name: wait
          image: copypaste:${version}
          workingDir: /work
          command:
            - sh
            - -c
            - |
              until copypaste status --run "$0"; do
                code=$?
                case $code in ${final.join('|')}) exit $code;; esac
                sleep 30
              done
            - ${JSON.stringify(run)}
          resources:
            requests: { cpu: 100m, memory: 256Mi }
            limits: { memory: 256Mi }
${mount}      containers:
        - name: merge
          image: copypaste:${version}
          workingDir: /work
          # 3 is the exit code if bad samples were left out.
          command: [sh, -c, 'copypaste merge --run "$0" || { code=$?; [ $code -eq 3 ] || exit $code; }', ${JSON.stringify(run)}]
          resources:
            requests: { cpu: "1", memory: ${memory}Mi }
            limits: { memory: ${memory}Mi }
${sharedVolume}`,

  parallel: ({ run, memory, ...job }: RunJob): string => `#!/bin/sh
# Augments in shards with GNU parallel, and merges them.
#   sh FILE      does the shards that are not done, all at first; give it again if some have failed
# Add --sshloginfile FILE for several machines, which see the same folders.
# ${figures}
set -eu
run=${quoted(run)}
# 3 is the exit code if shards are missing.
missing=$(copypaste status --run "$run" --missing parallel) || { code=$?; [ $code -eq 3 ] || exit $code; }
# A job for each ${job.cpus === 1 ? 'core' : `${job.cpus} cores`} of a machine; each takes up to ${memory} MB. The log has the exit code of each shard.
echo "$missing" | parallel --quote --no-run-if-empty --jobs ${Math.floor(100 / job.cpus)}% --joblog "$run.joblog" \\
  copypaste augment --run "$run" --shard {} ${limits(job).join(' ')}
exec copypaste merge --run "$run"
`,

  snakemake: ({
    run,
    shards,
    record,
    manifest,
    memory,
    ...job
  }: RunJob): string => `# Augments in shards with Snakemake, and merges them: snakemake --snakefile FILE --cores 8
# ${figures}
import subprocess

RUN = ${JSON.stringify(run)}
SHARDS = ${shards}
# The last line of the run file is its digest: a run that is planned with other options is done again, one that is only newer is not.
DIGEST = subprocess.run(["tail", "-n", "1", RUN], check=True, capture_output=True, text=True).stdout


rule merge:
    input:
        ancient(RUN),
        expand(${JSON.stringify(inBraces(record('{shard}')))}, shard=range(1, SHARDS + 1)),
    output:
        ${JSON.stringify(inBraces(manifest))},
    params:
        digest=DIGEST,
    resources:
        mem_mib=${memory},
    # 3 is the exit code if bad samples were left out.
    shell:
        "copypaste merge --run {RUN:q} || [ $? -eq 3 ]"


# A record file is there once its shard is done; merge removes them all.
rule shard:
    input:
        ancient(RUN),
    output:
        ${JSON.stringify(inBraces(record('{shard}'), '{shard,[0-9]+}'))},
    params:
        digest=DIGEST,
    threads: ${job.cpus}
    retries: 3
    resources:
        mem_mib=${memory},
    shell:
        "exec copypaste augment --run {RUN:q} --shard {wildcards.shard}/{SHARDS} ${limits(job).join(' ')}"
`,

  ray: ({
    run,
    shards,
    memory,
    ...job
  }: RunJob): string => `"""Augments in shards on Ray, and merges them: python FILE. All nodes see the same folders.

${figures}
"""

import os
import subprocess
import sys

import ray

RUN = ${JSON.stringify(run)}
SHARDS = ${shards}
# Paths are relative to this folder on all nodes.
FOLDER = os.getcwd()
# Exit codes after which a shard would fail again: wrong usage, bad data, no input, a bug.
FINAL = {${final.join(', ')}}


class Failed(Exception):
    """A shard that may be tried again."""


@ray.remote(num_cpus=${job.cpus}, memory=${memory} * 2**20, max_retries=3, retry_exceptions=[Failed])
def shard(number):
    """Does a shard. Returns its exit code if it would fail again, else 0."""
    # A shard that a lost node has left behind does no harm: both write the same bytes.
    command = ["copypaste", "augment", "--run", RUN, "--shard", f"{number}/{SHARDS}"]
    code = subprocess.run([*command, ${limits(job)
      .map((word) => JSON.stringify(word))
      .join(', ')}], cwd=FOLDER).returncode
    if code != 0 and code not in FINAL:
        raise Failed(f"shard {number} of {SHARDS} has ended with exit code {code}")
    return code


ray.init()
tasks = {number: shard.remote(number) for number in range(1, SHARDS + 1)}
failed = 0
# All shards are done, or have failed for good, before this ends.
for number, task in tasks.items():
    try:
        code = ray.get(task)
    except ray.exceptions.RayError as error:
        code = str(error).strip().splitlines()[-1]
    if code != 0:
        failed += 1
        print(f"shard {number} of {SHARDS} has failed: {code}", file=sys.stderr)
if failed > 0:
    raise SystemExit(1)
raise SystemExit(subprocess.run(["copypaste", "merge", "--run", RUN]).returncode)
`,
} as const satisfies Readonly<Record<string, (job: RunJob) => string>>;

export type JobFileName = keyof typeof jobFiles;

/** A path in a Snakefile, where braces hold wildcards. @param wildcard what its wildcard, `{shard}`, becomes. */
function inBraces(path: string, wildcard = '{shard}'): string {
  const escaped = (text: string): string => text.replaceAll(/[{}]/g, '$&$&');
  return path.split('{shard}').map(escaped).join(wildcard);
}
