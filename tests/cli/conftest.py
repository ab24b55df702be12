"""A repository made once and copied for each test, and a server for it."""
import os
import shutil
import subprocess

import pytest
from cli_kit import run
from fake_server import FakeServer


@pytest.fixture(scope='session', name='template')
def one_repository(tmp_path_factory):
    """A repository with a product and one release; tests copy it."""
    folder = tmp_path_factory.mktemp('template')
    run('key', 'create', 'timestamp-of-server', '-C', folder / 'server')
    repo = folder / 'repo'
    run('-C', repo, 'repo', 'init', '--timestamp-key', folder / 'server/pub/timestamp-of-server.json')
    run('-C', repo, 'product', 'add', 'acme', '--group', 'field')
    image = folder / 'a.img'
    image.write_bytes(os.urandom(100000))
    run('-C', repo, 'release', 'build', '--product', 'acme', '--version', '1.0.0', '--seq', 1, '--sec', 1,
        '--image', f'gw-a={image}')
    return folder


@pytest.fixture(name='repo')
def a_copy(template, tmp_path):
    repo = tmp_path / 'repo'
    shutil.copytree(template / 'repo', repo)
    return repo


@pytest.fixture(name='server')
def a_server(repo, tmp_path):
    key, csr, cert = tmp_path / 'tls.key', tmp_path / 'tls.csr', tmp_path / 'tls.pem'
    subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', key, '-subj', '/CN=server', '-out', csr], check=True, capture_output=True)
    run('-C', repo, 'server', 'certify', '--csr', csr, '--name', 'localhost', '--name', '127.0.0.1', '--out', cert)
    server = FakeServer(cert, key, repo / 'ca/ca.pem')
    run('-C', repo, 'server', 'set-url', '--operator', f'https://127.0.0.1:{server.port}/')
    yield server
    server.close()
