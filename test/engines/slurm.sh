#!/bin/sh
# A Slurm cluster of several nodes on this machine, for a test: slurm.sh up DIR NODES, or slurm.sh down DIR.
# Needs root, and Debian's packages slurmctld, slurmd, slurm-client and munge. Everything lies in DIR; /etc is left alone.
set -eu
dir=$2

case $1 in
up)
  nodes=$3
  port=${SLURM_TEST_PORT:-18100}
  host=$(hostname -s)
  mkdir -p "$dir/key" "$dir/state"
  chmod 711 "$dir/key"
  head -c 64 /dev/urandom > "$dir/key/munge.key"
  chmod 600 "$dir/key/munge.key"
  munged --force --socket="$dir/key/socket" --key-file="$dir/key/munge.key" --seed-file="$dir/key/seed" \
    --pid-file="$dir/munged.pid" --log-file="$dir/munged.log"
  cat > "$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmUser=root
StateSaveLocation=$dir/state
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/key/socket
SlurmdSpoolDir=$dir/%n
SlurmdPidFile=$dir/%n.pid
SlurmdLogFile=$dir/%n.log
SlurmdParameters=config_overrides
# No cgroups and no accounting in a container.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,requeue_setup_env_fail
ReturnToService=2
KillWait=5
MaxArraySize=1001
NodeName=node[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=4 RealMemory=8000
PartitionName=test Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE State=UP
CONF
  export SLURM_CONF="$dir/slurm.conf"
  slurmctld -c
  n=1
  while [ $n -le "$nodes" ]; do
    slurmd -N "node$n"
    n=$((n + 1))
  done
  for _ in $(seq 300); do
    [ "$(sinfo --noheader --Node --states=idle --format=%N | sort -u | wc -l)" -eq "$nodes" ] && exit 0
    sleep 0.1
  done
  echo "the cluster does not start; its logs are in $dir" >&2
  exit 1
  ;;
down)
  for file in "$dir"/*.pid; do
    [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
  done
  ;;
esac
