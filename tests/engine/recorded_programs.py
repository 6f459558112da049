"""Small PyTorch programs to record, and recurrent layers unrolled, with a gradient kept at every value."""

import torch

KINDS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
CELLS = {"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}
D, H, T, B = 3, 4, 6, 5


class Program(torch.nn.Module):
    """A layer between an input's scaling and a head that reads the outputs and the last states, both non-linearly."""

    def __init__(self, cell, packed=None, states=False, **facts):
        super().__init__()
        torch.manual_seed(3)
        self.scale = torch.nn.Parameter(torch.full((D,), 1.5))
        self.rnn = KINDS[cell](D, H, **facts)
        self.packed = packed
        rows = self.rnn.num_layers * (1 + self.rnn.bidirectional)
        self.start = torch.nn.Parameter(torch.randn(2, rows, 1, H)) if states else None

    def forward(self, x):
        x = x * self.scale
        hx = None
        if self.start is not None:
            batch = x.shape[0] if self.rnn.batch_first else x.shape[1]
            hx = self.start.expand(2, -1, batch, H) if x.dim() == 3 else self.start[:, :, 0]
            hx = tuple(hx) if isinstance(self.rnn, torch.nn.LSTM) else hx[0]
        if self.packed is not None:
            lengths, ordered = self.packed
            x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, self.rnn.batch_first, enforce_sorted=ordered)
        y, last = self.rnn(x, hx)
        y = y.data if self.packed is not None else y
        last = last if isinstance(last, tuple) else (last,)
        return y, last


def loss_of(y, last):
    return torch.tanh(2 * y).pow(3).sum() + sum((state.exp() * (i + 1)).sum() for i, state in enumerate(last))


def once(program, x, recorder=None):
    """Everything that a program computes: outputs, gradients, and the state of chance."""
    torch.manual_seed(11)
    for parameter in program.parameters():
        parameter.grad = None
    x = x.clone().requires_grad_()

    def passes():
        y, last = program(x)
        loss_of(y, last).backward()
        return y, last

    if recorder is None:
        y, last = passes()
    else:
        with recorder:
            y, last = passes()
    grads = [parameter.grad for parameter in program.parameters()]
    return [y, *last, x.grad, *grads, torch.get_rng_state(), torch.rand(3)]


def one_step(cell, P, end, x, states, nonlinearity):
    """Every value of one step by the equations in torch's documentation, each gate by itself."""
    W_i, W_h = P[f"weight_ih_{end}"], P[f"weight_hh_{end}"]
    zero = W_i.new_zeros(len(W_i))
    b_i, b_h = P.get(f"bias_ih_{end}", zero), P.get(f"bias_hh_{end}", zero)
    h = states[0]

    def part(k):
        rows = slice(k * H, (k + 1) * H)
        return x @ W_i[rows].T + b_i[rows], h @ W_h[rows].T + b_h[rows]

    if cell == "rnn":
        a = sum(part(0))
        return {"a": a, "h": {"tanh": torch.tanh, "relu": torch.relu}[nonlinearity](a)}
    if cell == "gru":
        a_r, a_z = sum(part(0)), sum(part(1))
        r, z = a_r.sigmoid(), a_z.sigmoid()
        read, back = part(2)
        a_n = read + r * back
        n = a_n.tanh()
        return {"a_r": a_r, "a_z": a_z, "r": r, "z": z, "a_n": a_n, "n": n, "h": n - z * n + z * h}
    a = {gate: sum(part(k)) for k, gate in enumerate("ifgo")}
    v = {gate: value.tanh() if gate == "g" else value.sigmoid() for gate, value in a.items()}
    c = v["i"] * v["g"] + v["f"] * states[1]
    return {f"a_{gate}": value for gate, value in a.items()} | v | {"c": c, "h": c.tanh() * v["o"]}


def unrolled(module, cell, x, start, lengths=None):
    """A layer's outputs (T, B, ·), last states, and every value by key, with their gradients kept.

    Each sequence of a padded batch runs by itself; its values stand where it is real.
    """
    P, nonlinearity = dict(module.named_parameters()), getattr(module, "nonlinearity", "tanh")
    both, steps, batch = module.bidirectional, *x.shape[:2]
    lengths = [steps] * batch if lengths is None else list(lengths)
    states = 2 if cell == "lstm" else 1
    values, lasts, hidden = {}, [], []
    for b in range(batch):
        row, below, ends = 0, list(x[: lengths[b], b].unbind(0)), []
        for layer in range(module.num_layers):
            given = []
            for end in ("", "_reverse")[: 1 + both]:
                lane, carried = f"l{layer}{end}", [state[row, b] for state in start]
                order = range(len(below))
                found = [None] * len(below)
                for t in reversed(order) if end else order:
                    nodes = one_step(cell, P, lane, below[t], carried, nonlinearity)
                    for name, value in nodes.items():
                        value.retain_grad()
                        values[f"{lane}.{name}", t, b] = value
                    carried, found[t] = [nodes[name] for name in ("h", "c")[:states]], nodes["h"]
                given.append(found)
                ends.append(carried)
                row += 1
            below = [torch.cat(parts) for parts in zip(*given, strict=True)]
        lasts.append(ends)
        hidden.append(below)
    last = tuple(
        torch.stack([torch.stack([lasts[b][row][i] for b in range(batch)]) for row in range(len(lasts[0]))])
        for i in range(states)
    )
    return hidden, last, values
