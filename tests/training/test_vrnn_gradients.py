"""The gradients of the multi-sample bounds, in float64, beside differences of the bounds themselves."""

from dataclasses import replace

import pytest
import torch
from vrnn_parts import TINY, hits, model, rolls

from training.vrnn.particles import estimate
from training.vrnn.sequences import padded

STEP = 1e-6
TRIED = 4  # numbers of each parameter


@pytest.mark.parametrize("resample", [False, True])
@pytest.mark.parametrize(
    ("latent", "form", "kind"),
    [("prior", "roll", "bernoulli"), ("prior", "feel", "gmm"), ("fixed", "feel", "gauss")],
)
def test_they_are_those_of_the_bound(latent: str, form: str, kind: str, resample: bool) -> None:
    sizes = replace(TINY, latent=latent, form=form, output=kind, components=3)
    vrnn = model(sizes).double()
    music = padded((rolls if form == "roll" else hits)(6, 3, 5)).double()
    with torch.no_grad():
        for parameter in vrnn.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)

    def bound() -> torch.Tensor:
        torch.manual_seed(5)  # the same particles, and the same of them survive
        return estimate(vrnn, music, 4, resample).log_likelihood.sum()

    torch.set_default_dtype(torch.float64)  # of the noise
    try:
        bound().backward()
        for name, parameter in vrnn.named_parameters():
            assert parameter.grad is not None, name
            numbers = parameter.data.view(-1)
            for place in torch.randint(0, numbers.numel(), (TRIED,)).tolist():
                before = float(numbers[place])
                sides = []
                for apart in (STEP, -STEP):
                    numbers[place] = before + apart
                    with torch.no_grad():
                        sides.append(float(bound()))
                numbers[place] = before
                found = float(parameter.grad.view(-1)[place])
                assert found == pytest.approx((sides[0] - sides[1]) / (2 * STEP), rel=1e-5, abs=1e-5), name
    finally:
        torch.set_default_dtype(torch.float32)
