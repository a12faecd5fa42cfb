"""Numbers in a configuration that no run can have."""

import pytest

from training.config import ConfigError
from training.configfile import load

STAGE = '[[stages]]\nobjective = "bars"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed = -1\n" + STAGE, f"seed: -1, expected a number from 0 and below {2**63}"),
        (f"seed = {2**63}\n" + STAGE, f"seed: {2**63}, expected a number from 0 and below {2**63}"),
        (STAGE + "beta_rate = 1.0\n", "stages[0].beta_rate: 1.0, expected a number from 0 and below 1"),
        (STAGE + f"batch = {10**400}\n", f"expected a number above 0 and below {2**63}"),
        (STAGE + f"batch = 1{'0' * 5000}\n", "config.toml: "),
        (STAGE + f"beta = {10**400}\n", "expected float"),
        (STAGE + "beta = nan\n", "stages[0].beta: nan, expected a number from 0"),
    ],
)
def test_a_number_out_of_range_is_one_error_that_names_it(tmp_path, text, message):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_seed_zero_is_a_seed(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("seed = 0\n" + STAGE)
    assert load(path).seed == 0
