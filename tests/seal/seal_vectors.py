#!/usr/bin/env python3
"""seal_vectors.py SEAL_TOOL FOLDER: the public test vectors of the age format.

Installs the npm package cctv-age (C2SP, Community Cryptography Test Vectors) into FOLDER and
opens each of its files with SEAL_TOOL. A vector that needs only what lib/seal supports (binary
form, X25519 keys) must end as it says, to the stage that failed and the bytes that came out. Of
a vector that needs more (armor, passphrases, post-quantum keys) nothing may come out.

Exit code 77 (skipped, for Meson) with the reason when npm or the package can not be had.
"""
import base64
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import zlib

PACKAGE = 'cctv-age@0.2.0'
VECTOR = re.compile(r'// \.\./testdata/(\S+)\nvar \w+ = __toBinary\("([^"]*)"\)')
PREFIX = 'AGE-SECRET-KEY-1'
# A key of nobody, for vectors that bring none of ours.
STRANGER = 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX'
HEADER_VERDICTS = {'malformed', 'unknown-version', 'header-too-large', 'weak-share', 'truncated'}
PAYLOAD_VERDICTS = {'chunk-tag', 'empty-last-chunk', 'truncated', 'trailing-data'}


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)


def fetch(folder):
    source = folder / 'node_modules/cctv-age/index.js'
    if not source.exists():
        if not shutil.which('npm'):
            skip('npm is not installed, so the vectors of the package cctv-age were not run')
        folder.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save',
                                 '--prefix', folder, PACKAGE], capture_output=True, text=True, timeout=300,
                                check=False)
        if result.returncode != 0:
            skip(f'npm can not install {PACKAGE}: {result.stderr.strip()[-300:]}')
    return source.read_text(encoding='utf-8')


def parse(text):
    """Name, fields (key -> list of values) and file of each vector."""
    for name, data in VECTOR.findall(text):
        head, _, file = base64.b64decode(data).partition(b'\n\n')
        fields = {}
        for line in head.decode().splitlines():
            key, _, value = line.partition(': ')
            fields.setdefault(key, []).append(value)
        if fields.get('compressed') == ['zlib']:
            file = zlib.decompress(file)
        yield name, fields, file


def is_ours(fields):
    return ('armored' not in fields and 'passphrase' not in fields
            and all(key.startswith(PREFIX) for key in fields.get('identity', [])))


def stage_of(verdict, payload_at, file):
    """In the words of the vectors. The nonce belongs to the header there."""
    if verdict == 'ok':
        return 'success'
    if verdict == 'no-matching-key':
        return 'no match'
    if verdict == 'header-mac':
        return 'HMAC failure'
    if (payload_at == 0 or payload_at > len(file)) and verdict in HEADER_VERDICTS:
        return 'header failure'
    if 0 < payload_at <= len(file) and verdict in PAYLOAD_VERDICTS:
        return 'payload failure'
    return f'unexpected verdict {verdict}'


def run(tool, fields, file):
    keys = [key for key in fields.get('identity', []) if key.startswith(PREFIX)] or [STRANGER]
    result = subprocess.run([tool, 'open', *keys], input=file, capture_output=True, check=False, timeout=60)
    verdict, payload_at = result.stderr.decode().split()
    return stage_of(verdict, int(payload_at), file), result.stdout


def judge(tool, fields, file):
    """None, or what is wrong."""
    stage, plain = run(tool, fields, file)
    if not is_ours(fields):
        if stage == 'success' or plain:
            return f'needs what is not supported, and {len(plain)} bytes came out ({stage})'
        return None
    if stage != fields['expect'][0]:
        return f'expected {fields["expect"][0]}, got {stage}'
    # All that came out, also of a file that failed later.
    expected = fields.get('payload', [hashlib.sha256(b'').hexdigest()])[0]
    if hashlib.sha256(plain).hexdigest() != expected:
        return f'other plaintext came out, {len(plain)} bytes'
    return None


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    supported = refused = 0
    failures = []
    for name, fields, file in parse(fetch(folder)):
        problem = judge(tool, fields, file)
        if problem:
            failures.append(f'{name}: {problem}')
        elif is_ours(fields):
            supported += 1
        else:
            refused += 1
    print('\n'.join(failures))
    print(f'{PACKAGE}: {supported} vectors as they say, {refused} of unsupported kinds refused, '
          f'{len(failures)} failed')
    # The package has 60 of the first kind; fewer means that they were not found.
    return 1 if failures or supported < 60 else 0


if __name__ == '__main__':
    sys.exit(main())
