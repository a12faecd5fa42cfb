"""Numbers in a configuration that no run can have, and those that it need not say."""

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


@pytest.mark.parametrize(
    ("system", "objective", "beta", "free_bits"),
    [
        ("musicvae", "windows", 0.2, 256.0),
        ("vrae", "excerpts", 1.0, 0.0),
        ("vrnn", "elbo", 1.0, 0.0),
        ("vrash", "notes", 1.0, 0.0),
    ],
)
def test_other_systems_than_musicvae_minimise_the_bound_itself_unless_told(
    tmp_path, system, objective, beta, free_bits
):
    path = tmp_path / "config.toml"
    stage = f'[[stages]]\nobjective = "{objective}"\n'
    path.write_text(f'system = "{system}"\n{stage}{stage}beta = 0.5\nfree_bits = 3.0\n')
    unsaid, said = load(path).stages
    assert (unsaid.beta, unsaid.free_bits) == (beta, free_bits)
    assert (said.beta, said.free_bits) == (0.5, 3.0)
