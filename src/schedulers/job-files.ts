/** Job files: a job for each shard of a run and one that merges them, complete and to be edited. */

import { quoted } from '../base/shell.ts';

/** A run in a job file; its paths are as the command line gave them. */
export interface RunJob {
  /** Name of the job. */
  readonly name: string;
  /** Run file. */
  readonly run: string;
  readonly shards: number;
  readonly version: string;
}

/** Exit codes after which the same command would fail again: usage, bad data, no input, a bug. */
const final = [2, 65, 66, 70];

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
  slurm: ({ name, run }: RunJob): string => `#!/bin/bash
# Augments in shards on Slurm, and merges them.
#   bash FILE      submits the shards that are not done, and the merge after them; give it again if some have failed
# Slurm reads the options below for the shards and for the merge. Edit them, and the first lines of the script.
#SBATCH --job-name=${name}
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
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
  exec "$copypaste" augment --run "$run" --shard "slurm+$2" --jobs "$SLURM_CPUS_PER_TASK" --quiet
  ;;
merge)
  exec "$copypaste" merge --run "$run"
  ;;
submit)
  jobs=
  # A line for each array, since Slurm limits their indices; 3 is the exit code if shards are missing.
  arrays=$("$copypaste" status --run "$run" --missing slurm) || [ $? -eq 3 ]
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
  }: RunJob): string => `# Augments in shards on Kubernetes (1.29 or later), and merges them: kubectl apply -f FILE
# Edit the image, the claim of the volume with the data, the run file and the output, and the resources.
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
  maxFailedIndexes: ${shards}
  podFailurePolicy:
    rules:
      # Preempted or evicted: not a failure of the shard.
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
      # Wrong usage, bad data, no input, a bug: would fail again.
      - action: FailIndex
        onExitCodes:
          operator: In
          values: [${final.join(', ')}]
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 30
      containers:
        - name: shard
          image: copypaste:${version}
          workingDir: /work
          # The tool is the first process, so that signals reach it.
          command: [copypaste, augment, --run, ${JSON.stringify(run)}, --shard, k8s, --quiet]
          resources:
            requests: { cpu: "4", memory: 4Gi }
            limits: { memory: 4Gi }
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
      - action: FailJob
        onExitCodes:
          containerName: merge
          operator: In
          values: [${final.join(', ')}]
  template:
    spec:
      restartPolicy: Never
      initContainers:
        - name: wait
          image: copypaste:${version}
          workingDir: /work
          command: [sh, -c, 'until copypaste status --run "$0"; do sleep 30; done', ${JSON.stringify(run)}]
${mount}      containers:
        - name: merge
          image: copypaste:${version}
          workingDir: /work
          # 3 is the exit code if bad samples were left out.
          command: [sh, -c, 'copypaste merge --run "$0" || [ $? -eq 3 ]', ${JSON.stringify(run)}]
          resources:
            requests: { cpu: "1", memory: 4Gi }
            limits: { memory: 4Gi }
${sharedVolume}`,

  parallel: ({ run }: RunJob): string => `#!/bin/sh
# Augments in shards with GNU parallel, and merges them.
#   sh FILE      does the shards that are not done, all at first; give it again if some have failed
# Add --sshloginfile FILE for several machines, which see the same folders.
set -eu
run=${quoted(run)}
# 3 is the exit code if shards are missing.
missing=$(copypaste status --run "$run" --missing parallel) || [ $? -eq 3 ]
echo "$missing" | parallel --quote --no-run-if-empty --jobs 2 copypaste augment --run "$run" --shard {} --quiet
exec copypaste merge --run "$run"
`,

  snakemake: ({
    run,
    shards,
  }: RunJob): string => `# Augments in shards with Snakemake, and merges them: snakemake --snakefile FILE --cores 8
RUN = ${JSON.stringify(run)}
SHARDS = ${shards}


rule merge:
    input:
        RUN,
        expand(RUN + ".done/{shard}", shard=range(1, SHARDS + 1)),
    output:
        touch(RUN + ".done/merged"),
    # 3 is the exit code if bad samples were left out.
    shell:
        "copypaste merge --run {RUN:q} || [ $? -eq 3 ]"


rule shard:
    # A run that is planned again is done again.
    input:
        RUN,
    output:
        touch(RUN + ".done/{shard,[0-9]+}"),
    threads: 4
    retries: 3
    resources:
        mem_mb=4000,
    shell:
        "exec copypaste augment --run {RUN:q} --shard {wildcards.shard}/{SHARDS} --jobs {threads} --quiet"
`,

  ray: ({ run, shards }: RunJob): string => `"""Augments in shards on Ray, and merges them: python FILE. All nodes see the same folders."""

import subprocess

import ray

RUN = ${JSON.stringify(run)}
SHARDS = ${shards}
# Exit codes after which a shard would fail again: wrong usage, bad data, no input, a bug.
FINAL = {${final.join(', ')}}


class Failed(Exception):
    """A shard that may be tried again."""


@ray.remote(num_cpus=4, memory=4 * 2**30, max_retries=3, retry_exceptions=[Failed])
def shard(number):
    # A shard that a lost node has left behind does no harm: both write the same bytes.
    code = subprocess.run(
        ["copypaste", "augment", "--run", RUN, "--shard", f"{number}/{SHARDS}", "--jobs", "4", "--quiet"]
    ).returncode
    if code in FINAL:
        raise RuntimeError(f"shard {number} of {SHARDS} has failed with exit code {code}")
    if code != 0:
        raise Failed(f"shard {number} of {SHARDS} has ended with exit code {code}")


ray.init()
ray.get([shard.remote(number) for number in range(1, SHARDS + 1)])
raise SystemExit(subprocess.run(["copypaste", "merge", "--run", RUN]).returncode)
`,
} as const satisfies Readonly<Record<string, (job: RunJob) => string>>;

export type JobFileName = keyof typeof jobFiles;
