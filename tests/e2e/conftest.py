"""Fixtures of the end-to-end tests: one installation, shared by the session."""
import pathlib
import shutil
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/support'))
import lab as labs  # noqa: E402


def pytest_addoption(parser):
    parser.addoption('--build', default=str(ROOT / 'build/asan'), help='build folder of the programs under test')
    parser.addoption('--kills', type=int, default=200, help='how often an agent is killed')
    parser.addoption('--server-kills', type=int, default=50, help='how often the server is killed')
    parser.addoption('--seed', type=int, default=1, help='of the moments of the kills')


@pytest.fixture(scope='module', name='lab')
def running_lab(request):
    """One installation for a test file; its folder is kept when a test failed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f'pawl-{request.module.__name__}-'))
    lab = labs.Lab(folder, request.config.getoption('--build'))
    failed_before = request.session.testsfailed
    try:
        lab.set_up()
        lab.add_product()
        yield lab
    finally:
        lab.close()
        if request.session.testsfailed == failed_before:
            shutil.rmtree(folder)
        else:
            print(f'\nlogs of the failed run: {folder}')
