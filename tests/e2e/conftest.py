"""Fixtures of the end-to-end tests: one installation, shared by the session."""
import pathlib
import sys

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
def running_lab(request, tmp_path_factory):
    lab = labs.Lab(tmp_path_factory.mktemp('lab'), request.config.getoption('--build'))
    try:
        lab.set_up()
        lab.add_product()
        yield lab
    finally:
        lab.close()


def pytest_runtest_logreport(report):
    """Where a test failed, the logs are the evidence."""
    if report.failed and report.when == 'call':
        print(f'\nevidence of {report.nodeid} is in the temporary folder of pytest')
