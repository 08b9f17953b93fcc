"""What stands for a carrier in the benchmarks: nginx with one worker and a static answer."""
import os
import shutil
import subprocess
import urllib.request

from trial import free_port, is_listening, need, wait_until, write


class Sink:
    """Counts its requests."""

    def __init__(self, folder):
        self.port = free_port()
        self.folder = os.path.join(folder, "nginx")
        temporary = "".join(f"  {kind}_temp_path {self.folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
        write(os.path.join(self.folder, "nginx.conf"), f"""daemon off;
worker_processes 1;
pid {self.folder}/pid;
error_log {self.folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  large_client_header_buffers 4 64k;
{temporary}  server {{
    listen 127.0.0.1:{self.port} backlog=1024;
    location = /_status {{ stub_status; }}
    location / {{ default_type text/plain; return 202 "0: Accepted for delivery"; }}
  }}
}}
""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        need(nginx, "scripts/install-packages")
        self.process = subprocess.Popen([nginx, "-p", self.folder, "-c",
                                         os.path.join(self.folder, "nginx.conf")])
        wait_until("nginx", 10, lambda: is_listening(self.port))
        self.polls = 0

    def requests(self):
        """Requests but for those that ask for this number."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_status") as answer:
            total = int(answer.read().decode().split("\n")[2].split()[2])
        self.polls += 1
        return total - self.polls

    def close(self):
        self.process.terminate()
        self.process.wait()
