#!/usr/bin/env python3
"""bench.py BUILD [--out FILE]: speed as ratios against named peers.

Both sides are measured in the same run on the same machine; a ratio below 1
means that Pawl needs less. Prints a table and writes JSON.

  json     CPU time to parse a feedback and read its fields, against jansson
  seal     CPU time to open a sealed (age) artifact, against the bare cipher of
           `openssl speed`
  poll     CPU time of the server for one poll over TLS 1.3 with client
           certificate and keep-alive, against nginx serving a static file of
           the same size; load from ApacheBench (skipped, and said so, when
           nginx or ab is not installed)
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests/support'))
import lab as labs  # noqa: E402

REQUESTS = 20000


def bench_json(build):
    out = subprocess.run([build / 'tests/bench/json_bench', ROOT / 'tests/bench/feedback.json', '2'],
                         check=True, capture_output=True, text=True).stdout
    measured = json.loads(out)
    return {'name': 'json', 'unit': 'us CPU per document', 'pawl': measured['pawl_us'],
            'peer': 'jansson', 'peer_value': measured['jansson_us'], 'ratio': measured['ratio']}


def bench_seal(build):
    """Time to open a sealed artifact, against the bare cipher in `openssl speed`."""
    measured = json.loads(subprocess.run([build / 'tests/bench/seal_bench', '1'], check=True, capture_output=True,
                                         text=True).stdout)
    speed = subprocess.run(['openssl', 'speed', '-seconds', '1', '-bytes', '65536', '-evp', 'ChaCha20-Poly1305'],
                           check=True, capture_output=True, text=True).stdout
    peer = float(speed.split()[-1].rstrip('k')) / 1000
    ours = measured['open_mb_per_s']
    return {'name': 'seal', 'unit': 'us CPU per MB opened', 'pawl': round(1e6 / ours, 2), 'peer': 'openssl speed',
            'peer_value': round(1e6 / peer, 2), 'ratio': round(peer / ours, 3), 'details': measured}


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def load(url, pem):
    """One keep-alive run of ApacheBench; every answer must be a 200."""
    out = subprocess.run(['ab', '-k', '-q', '-n', str(REQUESTS), '-c', '8', '-f', 'TLS1.3', '-E', pem, url],
                         check=True, capture_output=True, text=True).stdout
    facts = {line.split(':')[0]: line.split(':')[1].split()[0] for line in out.splitlines() if ':' in line
             and line.split(':')[1].split()}
    if facts.get('Failed requests') != '0' or 'Non-2xx responses' in facts:
        raise SystemExit(f'ApacheBench met failures:\n{out}')
    return int(facts['Complete requests'])


def measure(pids, url, pem):
    load(url, pem)  # warm
    before = sum(map(cpu_seconds, pids))
    done = load(url, pem)
    return (sum(map(cpu_seconds, pids)) - before) / done * 1e6


def nginx_peer(folder, lab, body):
    (folder / 'www').mkdir()
    (folder / 'www/poll').write_bytes(body)
    with open(folder / 'nginx.conf', 'w', encoding='utf-8') as conf:
        conf.write(f'''
worker_processes 1; daemon off; error_log {folder}/error.log; pid {folder}/nginx.pid; user root;
events {{}}
http {{
  access_log off; default_type application/json; keepalive_requests 1000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{free_port()} ssl; root {folder}/www; ssl_protocols TLSv1.3;
    ssl_certificate {lab.server_dir}/tls.pem; ssl_certificate_key {lab.server_dir}/tls.key;
    ssl_client_certificate {lab.repo}/ca/ca.pem; ssl_verify_client on;
  }}
}}
''')
    return subprocess.Popen(['nginx', '-p', folder, '-c', folder / 'nginx.conf'], stderr=subprocess.DEVNULL)


PORT = None


def free_port():
    """A port that was free a moment ago."""
    global PORT  # one peer for each run
    import socket
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        PORT = probe.getsockname()[1]
    return PORT


def bench_poll(build):
    if not shutil.which('ab') or not shutil.which('nginx'):
        return {'name': 'poll', 'skipped': 'needs the packages apache2-utils and nginx-light'}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        lab = labs.Lab(folder / 'lab', build)
        lab.set_up()
        lab.add_product()
        peer = None
        try:
            device, pem = enrolled_device(lab, folder)
            url = f"https://127.0.0.1:{lab.ports['device']}/DEFAULT/controller/v1/{device}"
            ours = measure([lab.server.pid], url, pem)
            body = subprocess.run(['curl', '-sS', '--cacert', lab.repo / 'ca/ca.pem', '--cert', pem, url],
                                  check=True, capture_output=True).stdout
            peer = nginx_peer(folder, lab, body)
            peer_url = f'https://127.0.0.1:{PORT}/poll'
            labs.wait_for(lambda: subprocess.run(['curl', '-skf', '-o', '/dev/null', '--cert', pem, peer_url],
                                                 check=False).returncode == 0, 10, 'nginx answers')
            theirs = measure(labs.descendants(peer.pid), peer_url, pem)
        finally:
            if peer:
                peer.terminate()
                peer.wait()
            lab.close()
        return {'name': 'poll', 'unit': 'us CPU per TLS poll', 'pawl': round(ours, 2), 'peer': 'nginx',
                'peer_value': round(theirs, 2), 'ratio': round(ours / theirs, 3)}


def enrolled_device(lab, folder):
    """A device certificate made as a device would, by openssl and the enrolment API."""
    name = 'bench-1'
    lab.pawl('device', 'add', name, '--product', labs.PRODUCT, '--hw', 'gw-a', '--group', labs.GROUP,
             '--token-out', folder / 'token')
    key, csr = folder / 'key.pem', folder / 'csr.pem'
    subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', key, '-out', csr, '-subj', f'/CN={name}'], check=True, capture_output=True)
    request = folder / 'request.json'
    request.write_text(json.dumps({'controllerId': name, 'token': (folder / 'token').read_text().strip(),
                                   'csr': csr.read_text()}))

    def ask():
        out = subprocess.run(['curl', '-sS', '--cacert', lab.repo / 'ca/ca.pem', '--data', f'@{request}', '-H',
                              'Content-Type: application/json',
                              f"https://127.0.0.1:{lab.ports['operator']}/pawl/v1/enrol"],
                             check=True, capture_output=True).stdout
        return json.loads(out)

    ask()
    lab.pawl('device', 'approve', '--all')
    answer = labs.wait_for(lambda: (lambda a: a if 'certificate' in a else None)(ask()), 10, 'certificate is issued')
    pem = folder / 'device.pem'
    pem.write_text(answer['certificate'] + key.read_text())
    return name, pem


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--out', type=pathlib.Path)
    options = parser.parse_args()
    build = options.build.resolve()
    began = time.time()
    results = [bench_json(build), bench_seal(build), bench_poll(build)]
    print(f"{'what':<6} {'pawl':>10} {'peer':>10} {'ratio':>7}  unit")
    for result in results:
        if 'skipped' in result:
            print(f"{result['name']:<6} skipped: {result['skipped']}")
        else:
            print(f"{result['name']:<6} {result['pawl']:>10.2f} {result['peer_value']:>10.2f} {result['ratio']:>7.3f}  "
                  f"{result['unit']}, peer {result['peer']}")
    out = options.out or build / 'bench.json'
    out.write_text(json.dumps({'seconds': round(time.time() - began, 1), 'results': results}, indent=1) + '\n')
    print(f'written to {out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
