# A Slurm of one node on loopback, apart from any real one: its own configuration, key, ports, sockets and state, all below
# one scratch folder. Sourced; needs munged, slurmctld and slurmd, no root, no systemd.
#   slurm_start FOLDER    returns when the node is idle; sets SLURM_CONF. munged wants every folder above it open to all (x)
#   slurm_stop            ends what slurm_start started; safe to call at any time

slurm_pids=()

# A port nobody listens on. Another process may take it before we do: slurm_start tries others then.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

slurm_configure() {
  local folder=$1 host=$2
  cat >"$folder/slurm.conf" <<CONF
ClusterName=attnguard_test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=512 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
}

slurm_start() {
  local folder=$1 host try wait
  PATH=$PATH:/usr/sbin:/sbin
  host=$(uname -n)
  host=${host%%.*}
  export SLURM_CONF=$folder/slurm.conf
  mkdir -p "$folder/state" "$folder/spool"
  chmod 755 "$folder"
  head -c 128 /dev/urandom >"$folder/munge.key"
  chmod 400 "$folder/munge.key"
  setpriv --pdeathsig TERM munged --foreground --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munged.seed" --num-threads=1 >"$folder/munged.out" 2>&1 &
  slurm_pids=($!)
  for try in 1 2 3; do
    slurm_configure "$folder" "$host"
    setpriv --pdeathsig TERM slurmctld -D -c >"$folder/slurmctld.out" 2>&1 &
    local controller=$!
    setpriv --pdeathsig TERM slurmd -D -N "$host" >"$folder/slurmd.out" 2>&1 &
    local node=$!
    slurm_pids+=("$controller" "$node")
    for wait in $(seq 100); do
      [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && return 0
      kill -0 "${slurm_pids[0]}" "$controller" "$node" 2>/dev/null || break
      sleep 0.2
    done
    kill "$controller" "$node" 2>/dev/null || true
    wait "$controller" "$node" 2>/dev/null || true
  done
  echo "slurm_start: the node does not become idle" >&2
  tail -n 20 "$folder"/*.log "$folder"/*.out >&2
  return 1
}

# Processes of the cluster, jobs included: they all carry its configuration in their environment.
slurm_processes() {
  local files
  files=$(grep -lzFx "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ 2>/dev/null) || true
  sed 's|/proc/||; s|/environ||' <<<"$files" | grep -vx -e "$$" -e '' || true
}

slurm_stop() {
  local pid wait
  [ ${#slurm_pids[@]} -eq 0 ] && return 0
  # Jobs first: slurmd does not end before their steps.
  scancel --quiet --user="$(id -un)" 2>/dev/null || true
  for wait in $(seq 25); do
    [ -z "$(squeue -h 2>/dev/null)" ] && break
    sleep 0.2
  done
  kill "${slurm_pids[@]}" 2>/dev/null || true
  for wait in $(seq 25); do
    [ -z "$(slurm_processes)" ] && break
    sleep 0.2
  done
  for pid in $(slurm_processes); do kill -9 "$pid" 2>/dev/null || true; done
  wait "${slurm_pids[@]}" 2>/dev/null || true
  slurm_pids=()
}
