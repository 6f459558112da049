"""The same networks built from torch.nn, by torch's own modules: the witness of the equations."""

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from engine.registry import cells

#: Cells that torch.nn has too.
TWINS = tuple(cell for cell in cells.names() if hasattr(torch.nn, cell.upper()))


def module(spec, parameters, before="", input_size=None, bidirectional=False, layers=None):
    """torch.nn's module with the network's parameters in it."""
    facts = {"nonlinearity": spec.nonlinearity} if spec.cell == "rnn" else {}
    found = getattr(torch.nn, spec.cell.upper())(
        input_size, spec.hidden_size, layers or spec.num_layers, bias=spec.bias, bidirectional=bidirectional,
        dtype=getattr(torch, spec.dtype), **facts,
    )  # fmt: skip
    found.load_state_dict({name: torch.tensor(parameters[before + name]) for name in found.state_dict()})
    return found


def states(spec, given):
    """h_0 (and c_0) as torch.nn takes them; None where there are none."""
    dtype = getattr(torch, spec.dtype)
    found = [torch.tensor(given[f"{s}_0"], dtype=dtype) for s in cells[spec.cell].states if f"{s}_0" in given]
    return None if not found else found[0] if len(found) == 1 else tuple(found)


def read(recurrent, x, initial, lengths):
    """(T, B, ·) through the module, packed where it is padded; the output and the final states."""
    if lengths is None:
        out, last = recurrent(x, initial)
    else:
        packed = pack_padded_sequence(x, torch.as_tensor(lengths), enforce_sorted=False)
        out, last = recurrent(packed, initial)
        out = pad_packed_sequence(out, total_length=len(x))[0]
    return out, last if isinstance(last, tuple) else (last,)


class Reference:
    """A run of torch.nn's modules on the arguments of ``Network.run``, with teacher forcing.

    Attributes
    ----------
    loss : float
    grads : dict of ndarray
        By our names.
    out : ndarray
        The top layer's h at every step of the emitting part.
    last : tuple of ndarray
        h_n (and c_n) of the part that reads the input.
    logits : ndarray (S, B, O)
    """

    def __init__(self, network, x, target, lengths=None, target_lengths=None, **given):
        self.spec = spec = network.spec
        self.P = {n: torch.tensor(v, requires_grad=True) for n, v in network.parameters.items()}
        self.modules = []
        self.forced = spec.pattern in ("one-to-many", "sequence-to-sequence")
        target = torch.tensor(np.asarray(target))
        T = len(x)
        if spec.has_embedding:
            before = "encoder." if spec.pattern == "sequence-to-sequence" else ""
            x = self.P[before + "embedding.weight"][torch.tensor(x)]
        else:
            x = torch.tensor(x, dtype=getattr(torch, spec.dtype))
        if spec.pattern == "one-to-many":
            x = torch.cat([x, torch.zeros(len(target) - 1, *x.shape[1:], dtype=x.dtype)])
            x = torch.cat([x, self.feedback(target)], -1)
            lengths = target_lengths
        before = "encoder." if spec.pattern == "sequence-to-sequence" else ""
        recurrent = self.take(network, before, x.shape[-1], spec.bidirectional)
        out, last = read(recurrent, x, states(spec, given), lengths)
        self.last = tuple(value.detach().numpy() for value in last)
        if spec.pattern == "sequence-to-sequence":
            start = tuple(self.bridge(value, i) for i, value in enumerate(last))
            recurrent = self.take(network, "decoder.", spec.feedback_size, False)
            x = self.feedback(target)
            out, _ = read(recurrent, x, start if len(start) > 1 else start[0], target_lengths)
        if spec.pattern in ("many-to-one", "one-to-one"):
            h_n = last[0].reshape(spec.num_layers, -1, *last[0].shape[1:])[-1]
            top = torch.cat(list(h_n), -1)[None]
        else:
            top = out
        head = "decoder." if spec.pattern == "sequence-to-sequence" else ""
        logits = top @ self.P[head + "output.weight"].T + self.P[head + "output.bias"]
        limits = target_lengths if self.forced else lengths if spec.pattern == "many-to-many" else None
        scored = torch.ones(logits.shape[:2], dtype=bool)
        if limits is not None:
            scored = torch.arange(len(logits))[:, None] < torch.as_tensor(limits)
        losses = self.losses(logits, target)
        loss = (losses * scored).sum() / target.shape[1]
        loss.backward()
        self.T, self.loss = T, loss.item()
        self.scored, self.logits, self.out = scored.numpy(), logits.detach().numpy(), out.detach().numpy()
        self.grads = {n: np.zeros(v.shape) if v.grad is None else v.grad.numpy() for n, v in self.P.items()}
        for before, recurrent in self.modules:
            self.grads |= {before + n: p.grad.numpy() for n, p in recurrent.named_parameters()}

    def take(self, network, before, input_size, bidirectional):
        self.modules.append((before, module(self.spec, network.parameters, before, input_size, bidirectional)))
        return self.modules[-1][1]

    def bridge(self, last, which):
        """Final states (layers·directions, B, H) as the decoder's first."""
        if not self.spec.bidirectional:
            return last
        name = "bridge.weight" if which == 0 else f"bridge.weight_{cells[self.spec.cell].states[which]}"
        pairs = last.reshape(self.spec.num_layers, 2, *last.shape[1:])
        return torch.stack([torch.cat(list(pair), -1) @ self.P[name].T for pair in pairs])

    def feedback(self, target):
        """What is fed back under teacher forcing: <bos> or zeros, then the targets."""
        spec = self.spec
        if spec.loss != "cross-entropy":
            return torch.cat([torch.zeros_like(target[:1]), target[:-1]]).to(getattr(torch, spec.dtype))
        if not spec.has_embedding:
            rows = torch.nn.functional.one_hot(target, spec.output_size).to(getattr(torch, spec.dtype))
            return torch.cat([torch.zeros_like(rows[:1]), rows[:-1]])
        decoder = spec.pattern == "sequence-to-sequence"
        bos = torch.full_like(target[:1], spec.output_size if decoder else 0)
        return self.P["decoder.embedding.weight" if decoder else "embedding.weight"][torch.cat([bos, target[:-1]])]

    def losses(self, logits, target):
        """ℓ as (S, B), by torch.nn.functional."""
        functional = torch.nn.functional
        if self.spec.loss == "cross-entropy":
            return functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape)
        target = target.to(logits.dtype)
        if self.spec.loss == "mse":
            return functional.mse_loss(logits, target, reduction="none").mean(-1)
        if self.spec.loss == "linear":
            return (logits * target).sum(-1)
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(-1)
