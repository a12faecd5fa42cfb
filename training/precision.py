"""What a model is trained in: float32, or bfloat16 for its matrix products where these are quicker in it."""

import torch


def halved(precision: str, device: str, matrices: bool) -> bool:
    """Return whether products are computed in bfloat16 on `device`; `precision` is that of the configuration.

    "auto" is on a GPU that has it, and on a processor with units for it (AMX) where a system is mostly
    `matrices` of some size: smaller ones lose by the conversion what they gain.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return matrices and _processor_has_it()


def autocast(device: str, half: bool) -> torch.autocast:
    """Return the context to compute in on `device`: in bfloat16 if `half`, else in float32."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, half)


def _processor_has_it() -> bool:
    # torch tells since 2.10; before that nothing public does, and float32 is right everywhere.
    return hasattr(torch.cpu, "get_capabilities") and bool(torch.cpu.get_capabilities().get("amx_bf16"))
