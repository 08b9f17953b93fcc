"""What the benchmarks share: a configuration and a campaign for one gateway, and `loa send`."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIRST_NUMBER = 84900000000  # MobiFone's 090, one network for all
TEXT = "CA tinh Lang Son: CSGT KHONG goi dien yeu cau nop phat nguoi qua duong link. Goi 113."


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def need(path, how):
    if not os.path.exists(path):
        sys.exit(f"{path} is not there: {how}")
    return path


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_trial(folder, profile, port, rows, limits, account):
    """A folder with loa.yaml, an audience and campaign.yaml; gives the campaign's path."""
    config = os.path.join(PROJECT, "config")
    # A larger batch than the shipped profile allows: the sink is no Kannel and takes it.
    with open(f"{config}/profiles/{profile}.yaml", encoding="utf-8") as file:
        own = re.sub(r"max: \d+", "max: 500", file.read())
    write(os.path.join(folder, "profiles", f"{profile}.yaml"), own)
    write(os.path.join(folder, "loa.yaml"), f"""node: bench-1
approval: {{required: false}}
data: {folder}/data
networks: {config}/networks.yaml
profiles: profiles/
templates: {PROJECT}/templates/
gateways:
  sink:
    profile: {profile}
    url: http://127.0.0.1:{port}
    networks: [mobifone]
    account: {account}
    limits: {limits}
    price_per_part: 350
""")
    numbers = "".join(f"0{FIRST_NUMBER + row - 84 * 10**9}\n" for row in range(rows))
    write(os.path.join(folder, "audience.csv"), "so_dien_thoai\n" + numbers)
    campaign = os.path.join(folder, "campaign.yaml")
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    later = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86400))
    write(campaign, f"""campaign: bench
title: Bench
class: public_info
sender: CALANGSON
audience: {{files: [audience.csv], phone_column: so_dien_thoai}}
message: {{text: "{TEXT}", encoding: gsm7, max_parts: 1}}
schedule: {{not_before: {day}T00:00:00+07:00, useful_until: {later}T00:00:00+07:00}}
on_unknown: hold
""")
    return campaign


def send(loa, campaign):
    """Runs `loa send` from an empty data folder; gives its balance and what it cost."""
    folder = os.path.dirname(campaign)
    shutil.rmtree(os.path.join(folder, "data"), ignore_errors=True)
    command = [loa, "send", campaign, "--config", os.path.join(folder, "loa.yaml"),
               "--data", os.path.join(folder, "data"), "--yes", "--now", "--json"]
    environment = dict(os.environ, LOA_BENCH_USER="bench", LOA_BENCH_PASSWORD="bench")
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment)
    output = process.stdout.read()
    words = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"loa send ended with {process.returncode}:\n{words}{output.decode()}")
    return {"balance": json.loads(output), "seconds": seconds,
            "cpu_seconds": usage.ru_utime + usage.ru_stime, "rss_kib": usage.ru_maxrss}
