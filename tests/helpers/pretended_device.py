"""A device that is not there: its tensors hold real values on the CPU, and refuse what a GPU would refuse.

Within `pretended("cuda")` or `pretended("mps")` PyTorch says that it has such a GPU, and tensors that are moved to it say
that they are there. Refused are, with PyTorch's own words: a tensor of the CPU beside one of the device (one number
excepted), a CPU generator where noise is drawn on the device, `.numpy()` of the device's tensors, and on Apple's GPU all
float64. What is computed is what the CPU computes, so that code which asks for values runs as usual.

PyTorch itself takes the tensors for those of its device "meta", whose kernels are never reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
import torch._dynamo  # which PyTorch loads when a mode is entered, and which then asks for the true devices
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

META, aten = torch.device("meta"), torch.ops.aten
COPIES = {aten._to_copy.default, aten.copy_.default}  # go from one device to another
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
WIDE = (torch.float64, torch.complex128)
GATHERS = {aten.cat.default, aten.stack.default}  # want even a single number on the device
# Asked of a tensor in Python: answered by its values. Each of them waits for a GPU, and none is an error.
VALUES = {torch.Tensor.tolist, torch.Tensor.__format__, torch.Tensor.__repr__}
MADE_ON_THE_CPU = {torch.tensor, torch.as_tensor, torch.from_numpy}


class OnDevice(torch.Tensor):
    """A tensor that says it is on the pretended device; `inside` is the one of the CPU that holds its values."""

    @staticmethod
    def __new__(cls, inside: torch.Tensor, device: torch.device) -> OnDevice:
        made = torch.Tensor._make_wrapper_subclass(
            cls, inside.size(), strides=inside.stride(), storage_offset=inside.storage_offset(), dtype=inside.dtype,
            device=META)
        made.inside, made.pretended = inside, device
        return made

    @property
    def device(self) -> torch.device:
        return self.pretended

    def numpy(self, *, force: bool = False):
        raise TypeError(f"can't convert {self.pretended} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                        "host memory first.")

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError(f"{function} met a tensor of the pretended device after it was gone")


def values(x: object) -> object:
    return x.inside if isinstance(x, OnDevice) else x


class Dispatch(TorchDispatchMode):
    """Each of PyTorch's elementary functions: is it allowed there? Then it is done on the CPU."""

    def __init__(self, device: torch.device):
        super().__init__()
        self.pretended = device

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [x for x in torch.utils._pytree.tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        here = any(isinstance(x, OnDevice) for x in tensors)
        if function not in COPIES:
            self._refuse_a_mixture(function, args, tensors)
        asked = kwargs.get("device")
        there = here if asked is None else torch.device(asked).type == "meta"
        if there and asked is not None:
            kwargs["device"] = torch.device("cpu")
        if here and kwargs.get("dtype") in WIDE:  # on the way to the CPU, too: Apple's GPU casts before it copies
            self._refuse_float64()
        if there and any(isinstance(x, torch.Generator) for x in (*args, *kwargs.values())):
            raise RuntimeError(f"Expected a '{self.pretended.type}' device type for generator but found 'cpu'")
        known = {id(x.inside): x for x in tensors if isinstance(x, OnDevice)}
        result = function(*tree_map(values, args), **tree_map(values, kwargs))
        if function is aten.copy_.default:
            return args[0]
        return tree_map(lambda x: self._wrapped(x, known), result) if there else result

    def _wrapped(self, x: object, known: dict[int, OnDevice]) -> object:
        if not isinstance(x, torch.Tensor):
            return x
        if x.dtype in WIDE:
            self._refuse_float64()
        return known[id(x)] if id(x) in known else OnDevice(x, self.pretended)  # what is changed in place stays the same object

    def _refuse_float64(self) -> None:
        if self.pretended.type == "mps":
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. "
                            "Please use float32 instead.")

    def _refuse_a_mixture(self, function: Callable, args: tuple, tensors: list[torch.Tensor]) -> None:
        if function in INDEXED and isinstance(args[0], OnDevice):
            tensors = [args[0], *args[2:3]]  # rows may be chosen by numbers that lie on the CPU
            tensors = [x for x in tensors if isinstance(x, torch.Tensor)]
        away = [x for x in tensors if not isinstance(x, OnDevice) and (x.ndim or function in GATHERS)]
        if away and any(isinstance(x, OnDevice) for x in tensors):
            raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices, "
                               f"{self.pretended} and cpu! ({function})")


class Functions(TorchFunctionMode):
    """What code says of the device in Python: its name stands for "meta", and the tensors answer with its name."""

    def __init__(self, device: torch.device):
        super().__init__()
        self.pretended = device

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function in VALUES:
            return function(values(args[0]), *args[1:], **kwargs)
        if function in MADE_ON_THE_CPU:
            device = kwargs.pop("device", None)
            made = function(*args, **kwargs)
            return made if device is None else made.to(self._meant(device))
        if kwargs.get("device") is not None:
            kwargs["device"] = self._meant(kwargs["device"])
        if function is torch.Tensor.to and len(args) > 1 and isinstance(args[1], str | torch.device):
            args = (args[0], self._meant(args[1]), *args[2:])
        return function(*args, **kwargs)

    def _meant(self, device: torch.device | str) -> torch.device:
        device = torch.device(device)
        return META if device.type == self.pretended.type else device


@contextmanager
def pretended(kind: str) -> Iterator[torch.device]:
    """kind: "cuda" or "mps". Yields the device, which `pick_device` now finds by itself."""
    nothing = torch.zeros(0, dtype=torch.uint8)
    there = {
        "torch.cuda.is_available": kind == "cuda", "torch.cuda.device_count": int(kind == "cuda"),
        "torch.cuda.get_device_capability": (9, 0), "torch.cuda.get_arch_list": ["sm_90"],
        "torch.cuda.get_device_name": "a pretended GPU", "torch.cuda.is_bf16_supported": False,
        "torch.cuda.synchronize": None, "torch.cuda.get_rng_state": nothing, "torch.cuda.set_rng_state": None,
        "torch.cuda.manual_seed_all": None, "torch.mps.synchronize": None, "torch.mps.manual_seed": None,
        "torch.backends.mps.is_available": kind == "mps",
        "torch.optim.Optimizer._accelerator_graph_capture_health_check": None,  # asks the driver; the second in older ones
        "torch.optim.Optimizer._cuda_graph_capture_health_check": None,
    }
    with ExitStack() as stack:
        for name, answer in there.items():
            stack.enter_context(mock.patch(name, return_value=answer, create=True))
        stack.enter_context(Functions(torch.device(kind)))
        stack.enter_context(Dispatch(torch.device(kind, 0)))  # its tensors say which one: cuda:0
        yield torch.device(kind)
