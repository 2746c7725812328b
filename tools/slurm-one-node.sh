#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A SLURM of this one machine, on loopback, to try `--cluster slurm` and for tests. Not for production.
#
#   tools/slurm-one-node.sh install     Debian's slurm-wlm and munge by apt, if they are missing
#   tools/slurm-one-node.sh start DIR   munged, slurmctld and slurmd with all their files in DIR; prints DIR/slurm.conf,
#                                       which SLURM's commands find by SLURM_CONF
#   tools/slurm-one-node.sh stop DIR    ends what `start DIR` began
#
# All need root.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/lib.sh

readonly WAIT_S=60

wait_for()
{
    local deadline=$((SECONDS + WAIT_S))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

node_is_idle()
{
    [[ $(sinfo --noheader --format=%T) == idle ]]
}

install_packages()
{
    command -v slurmctld slurmd sbatch munged >/dev/null && return
    say 'installing slurm-wlm and munge'
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >&2
}

write_config()
{
    local dir=$1 memory_mb name
    memory_mb=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1024))
    name=$(hostname -s)
    cat >"$dir/slurm.conf" <<END
ClusterName=one-node
SlurmctldHost=$name(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=$3
SlurmdPort=$4
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
SlurmdSpoolDir=$dir/spool
StateSaveLocation=$dir/state
# Containers often have no control groups that could be written.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName=$name NodeAddr=127.0.0.1 CPUs=$2 RealMemory=$memory_mb State=UNKNOWN
PartitionName=all Nodes=$name Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
END
}

free_ports()
{
    "$(find_python)" - <<'END'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(server.getsockname()[1] for server in sockets))
END
}

# Its key and socket lie in DIR/munge, apart from a munged of the system.
start_munge()
{
    local dir=$1/munge
    install -d -m 0755 -o munge -g munge "$dir"
    install -d -m 0700 -o munge -g munge "$dir/private"
    head -c 128 /dev/urandom >"$dir/private/key"
    chown munge:munge "$dir/private/key"
    chmod 0400 "$dir/private/key"
    setpriv --reuid munge --regid munge --init-groups munged --force --key-file "$dir/private/key" \
        --socket "$dir/socket" --pid-file "$dir/pid" --log-file "$dir/private/log" --seed-file "$dir/private/seed"
}

start()
{
    local dir=$1 ports
    mkdir -p "$dir"
    chmod 0755 "$dir"
    dir=$(realpath "$dir")
    mkdir -p "$dir/state" "$dir/spool"
    read -r -a ports <<<"$(free_ports)"
    write_config "$dir" "$(nproc)" "${ports[@]}"
    export SLURM_CONF=$dir/slurm.conf
    start_munge "$dir"
    slurmctld -f "$SLURM_CONF"
    wait_for scontrol ping || die "slurmctld does not answer; see $dir/slurmctld.log"
    slurmd -f "$SLURM_CONF"
    wait_for node_is_idle || die "the node does not come up; see $dir/slurmd.log"
    printf '%s\n' "$SLURM_CONF"
}

# A daemon has ended when its process is gone; what does not end in time is killed.
stop()
{
    local dir file pid deadline
    dir=$(realpath "$1")
    SLURM_CONF=$dir/slurm.conf scancel --user root 2>/dev/null || true
    for file in "$dir/slurmd.pid" "$dir/slurmctld.pid" "$dir/munge/pid"; do
        [[ -s $file ]] || continue
        pid=$(<"$file")
        kill "$pid" 2>/dev/null || continue
        deadline=$((SECONDS + 10))
        while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
}

[[ $EUID -eq 0 ]] || die 'needs root'
case "${1:-}:$#" in
    install:1) install_packages ;;
    start:2) start "$2" ;;
    stop:2) stop "$2" ;;
    *) die 'usage: tools/slurm-one-node.sh install | start DIR | stop DIR' ;;
esac
