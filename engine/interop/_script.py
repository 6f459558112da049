"""The parts of the scripts that :mod:`engine.interop.code` writes. ``{names}`` in braces of their own are filled in."""

HEAD = '''"""{head}
"""

{imports}

'''

NUMPY = {
    "imports": "import base64\nimport sys\nimport zlib\nfrom pathlib import Path\n\nimport numpy as np",
    "helpers": '''
cat, tanh = np.concatenate, np.tanh


def sigmoid(z):
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def relu(z):
    return np.maximum(z, 0)


def blocks(a, count):
    return np.split(a, count)


def zeros(size):
    return np.zeros(size, DTYPE)


def softmax(z):
    powers = np.exp(z - z.max())
    return powers / powers.sum()


def log_softmax(z):
    return z - z.max() - np.log(np.exp(z - z.max()).sum())


def softplus(z):
    """log(1 + e^z), which overflows for no z."""
    return np.logaddexp(0, z)
''',
    "load": """
P = {name: DATA[name] for name in PARAMETERS}
""",
    "argmax": "int(np.argmax(z))",
}

TORCH = {
    "imports": "import base64\nimport sys\nimport zlib\nfrom pathlib import Path\n\nimport numpy as np\nimport torch",
    "helpers": """
cat, tanh, sigmoid, relu = torch.cat, torch.tanh, torch.sigmoid, torch.relu
softplus = torch.nn.functional.softplus


def blocks(a, count):
    return a.chunk(count)


def zeros(size):
    return torch.zeros(size, dtype=getattr(torch, DTYPE))


def softmax(z):
    return torch.softmax(z, -1)


def log_softmax(z):
    return torch.log_softmax(z, -1)
""",
    "load": """
DATA = {name: torch.tensor(value) for name, value in DATA.items()}
P = {name: DATA[name].requires_grad_() for name in PARAMETERS}
""",
    "argmax": "int(torch.argmax(z))",
}

FORWARD = '''

def output(z):
    """What the outputs are, of the logits."""
    return {output}


def loss(z, target):
    """What one output adds to the loss."""
    return {loss}


def steps(part, b):
    """How many steps a part takes on sequence b."""
    return {steps}


def read(b, t):
    """What step t reads from outside."""
    x = DATA[f"x/{b}"]
    if t >= len(x):
        return zeros(INPUT_SIZE)
    return {read}


def choose(b, s, z):
    """Which class goes back in after output s."""
    fed = DATA.get(f"fed/{b}")
    return {argmax} if fed is None else int(fed[s + 1])


def feedback(run, b, s):
    """What goes back in before output s, and the class where it is one."""
    target = DATA.get(f"target/{b}") if FORCED else None
    if not CLASSES:
        return (zeros(OUTPUT_SIZE) if s == 0 else run["y"][s - 1] if target is None else target[s - 1]), None
    k = -1 if s == 0 else choose(b, s - 1, run["logits"][s - 1]) if target is None else int(target[s - 1])
    if FED:
        return P[FED][START if k < 0 else k], k
    hot = zeros(OUTPUT_SIZE)
    if k >= 0:
        hot[k] = 1
    return hot, k


def forward(b):
    """Run sequence b: the values of every step by lane, and a tape of what was done when."""
    run = {"steps": {}, "start": {}, "logits": [], "y": [], "fed": [], "tape": [], "loss": 0.0}

    def advance(lane, t, x):
        cells, reverse = run["steps"][lane["prefix"]], lane["reverse"]
        before = t + 1 if reverse else t - 1
        inside = 0 <= before < len(cells)
        states = [cells[before][s] if inside else run["start"][lane["prefix"]][s] for s in STATES]
        cells[t] = step({n: P[lane[n]] for n in STACKED}, x, *states)
        run["tape"].append(("step", lane, t))

    def head(s):
        run["logits"].append(P[OUTPUT + "weight"] @ top(run, b, s) + P[OUTPUT + "bias"])
        run["y"].append(output(run["logits"][s]))
        run["tape"].append(("head", None, s))

    for part, layers in PARTS.items():
        n = steps(part, b)
        for lane in [lane for lanes in layers for lane in lanes]:
            run["steps"][lane["prefix"]] = [None] * n
            run["start"][lane["prefix"]] = start(run, lane, b)
        run["tape"].append(("start", part, 0))
        if part in FEEDS_BACK:
            for s in range(n):
                fed, k = feedback(run, b, s)
                run["fed"].append(k)
                x = fed if part == "decoder" else cat([read(b, s), fed])
                for (lane,) in layers:
                    advance(lane, s, x)
                    x = run["steps"][lane["prefix"]][s][STATES[0]]
                head(s)
        else:
            below = [read(b, t) for t in range(n)]
            for lanes in layers:
                for lane in lanes:
                    for t in reversed(range(n)) if lane["reverse"] else range(n):
                        advance(lane, t, below[t])
                below = [cat([run["steps"][lane["prefix"]][t][STATES[0]] for lane in lanes]) for t in range(n)]
    if not FEEDS_BACK:
        for s in range(outputs(b)):
            head(s)
    if f"target/{b}" in DATA:
        for s in range(outputs(b)):
            run["loss"] = run["loss"] + SCALE[b] * loss(run["logits"][s], DATA[f"target/{b}"][s])
        for lane, state, arriving in given(b):
            run["loss"] = run["loss"] + (arriving * last(run, lane)[state]).sum()
    return run


def outputs(b):
    """How many outputs sequence b has."""
    return {outputs}


def top(run, b, s):
    """What output s reads: the hidden state of the last layer."""
    part, layers = list(PARTS.items())[-1]
    return cat([run["steps"][lane["prefix"]][where(lane, part, b, s)][STATES[0]] for lane in layers[-1]])


def where(lane, part, b, s):
    """The step of a lane that output s reads."""
    return {where}


def start(run, lane, b):
    """The states of a lane before its first step."""
    if lane["part"] == "decoder":
        ends = [last(run, of) for of in PARTS["encoder"][lane["layer"]]]
        joined = {s: cat([end[s] for end in ends]) for s in STATES}
        return {s: P[BRIDGE[s]] @ joined[s] for s in STATES} if BRIDGE else joined
    rows = [DATA.get(f"{s}_0") for s in STATES]
    return {s: zeros(HIDDEN_SIZE) if row is None else row[lane["row"]][b] for s, row in zip(STATES, rows)}


def last(run, lane):
    """The values of a lane's last step."""
    return run["steps"][lane["prefix"]][0 if lane["reverse"] else -1]


def given(b):
    """The gradients that arrive at the last states from elsewhere: (lane, state, gradient)."""
    for lane in [lane for lanes in list(PARTS.values())[-1] for lane in lanes]:
        for state in STATES:
            if f"{state}_n_grad" in DATA:
                yield lane, state, DATA[f"{state}_n_grad"][lane["row"]][b]
'''

BACKWARD = '''

def slope(z, target):
    """The derivative of what one output adds to the loss, by its logits."""
    return {slope}


def backward(run, b, grads):
    """Walk the tape of sequence b backward; adds to grads, and returns those of the states."""
    arriving = {p: [{s: zeros(HIDDEN_SIZE) for s in STATES} for _ in cells] for p, cells in run["steps"].items()}
    start_of = {p: {s: zeros(HIDDEN_SIZE) for s in STATES} for p in run["steps"]}
    back = {p: [None] * len(cells) for p, cells in run["steps"].items()}
    dy, dz = [zeros(OUTPUT_SIZE) for _ in run["y"]], [None] * len(run["y"])
    for lane, state, gradient in given(b):
        arriving[lane["prefix"]][0 if lane["reverse"] else -1][state] += gradient
    for kind, lane, t in reversed(run["tape"]):
        if kind == "head":
            y, z = run["y"][t], run["logits"][t]
            dz[t] = SCALE[b] * slope(z, DATA[f"target/{b}"][t]) + {output_pull}
            grads[OUTPUT + "weight"] += np.outer(dz[t], top(run, b, t))
            grads[OUTPUT + "bias"] += dz[t]
            part, layers = list(PARTS.items())[-1]
            to = [arriving[l["prefix"]][where(l, part, b, t)] for l in layers[-1]]
            for place, piece in zip(to, np.split(P[OUTPUT + "weight"].T @ dz[t], len(to))):
                place[STATES[0]] += piece
        elif kind == "start":
            start_back(run, lane, start_of, arriving, grads)
        else:
            prefix, cells = lane["prefix"], run["steps"][lane["prefix"]]
            own = {n: grads[lane[n]] for n in STACKED}
            d = step_back({n: P[lane[n]] for n in STACKED}, cells[t], arriving[prefix][t], own)
            back[prefix][t] = d
            before = t + 1 if lane["reverse"] else t - 1
            to = arriving[prefix][before] if 0 <= before < len(cells) else start_of[prefix]
            for s in STATES:
                to[s] += d[s + "_prev"]
            if lane["layer"]:
                below = PARTS[lane["part"]][lane["layer"] - 1]
                for of, piece in zip(below, np.split(d["x"], len(below))):
                    arriving[of["prefix"]][t][STATES[0]] += piece
            else:
                read_back(run, b, lane, t, d["x"], grads, dy)
    return back, dy, dz, start_of


def start_back(run, part, start_of, arriving, grads):
    """What arrives at a decoder's first states goes to the encoder's last ones."""
    if part != "decoder":
        return
    for (lane,) in PARTS["decoder"]:
        of = PARTS["encoder"][lane["layer"]]
        for s in STATES:
            d = start_of[lane["prefix"]][s]
            if BRIDGE:
                grads[BRIDGE[s]] += np.outer(d, cat([last(run, e)[s] for e in of]))
                d = P[BRIDGE[s]].T @ d
            for e, piece in zip(of, np.split(d, len(of))):
                arriving[e["prefix"]][0 if e["reverse"] else -1][s] += piece


def read_back(run, b, lane, t, dx, grads, dy):
    """What arrives at an input goes to the embedding's row, and to what was fed back."""
    if lane["part"] in FEEDS_BACK:
        dx, fed = ((np.zeros(0), dx) if lane["part"] == "decoder" else np.split(dx, [len(dx) - FED_SIZE]))
        k = run["fed"][t]
        if CLASSES and FED:
            grads[FED][START if k < 0 else k] += fed
        elif not CLASSES and t and not (FORCED and f"target/{b}" in DATA):
            dy[t - 1] += fed
    if EMBEDDING and lane["part"] != "decoder" and t < len(DATA[f"x/{b}"]):
        grads[EMBEDDING][DATA[f"x/{b}"][t]] += dx
'''

NUMPY_MAIN = '''

def main():
    """Run every sequence; {everything} by the names that Loopscope uses."""
    grads = {n: np.zeros_like(p) for n, p in P.items()}
    found, total = {}, 0.0
    for b in range(SEQUENCES):
        run = forward(b)
        for prefix, cells in run["steps"].items():
            for name in NAMES:
                found[f"{b}/{prefix}.{name}"] = np.stack([v[name] for v in cells])
        found[f"{b}/output.logits"], found[f"{b}/output.y"] = np.stack(run["logits"]), np.stack(run["y"])
        if f"target/{b}" in DATA:
            total += run["loss"]
            back, dy, dz, _ = backward(run, b, grads)
            for prefix, cells in back.items():
                for name in NAMES:
                    found[f"{b}/grad/{prefix}.{name}"] = np.stack([d[name] for d in cells])
            found[f"{b}/grad/output.logits"], found[f"{b}/grad/output.y"] = np.stack(dz), np.stack(dy)
            found["loss"] = np.asarray(total)
    if "loss" in found:
        found |= {f"grad/{n}": g for n, g in grads.items()}
    return found
'''

TORCH_MAIN = '''

def main():
    """Run every sequence; {everything} by the names that Loopscope uses."""
    runs = [forward(b) for b in range(SEQUENCES)]
    total, found, kept = sum(run["loss"] for run in runs), {}, {}
    for b, run in enumerate(runs):
        for prefix, cells in run["steps"].items():
            kept |= {f"{b}/{prefix}.{name}": [v[name] for v in cells] for name in NAMES}
        kept |= {f"{b}/output.logits": run["logits"], f"{b}/output.y": run["y"]}
    found |= {key: torch.stack(list(tensors)).detach().numpy() for key, tensors in kept.items()}
    if torch.is_tensor(total):
        flat = [tensor for tensors in kept.values() for tensor in tensors] + list(P.values())
        grads = iter(torch.autograd.grad(total, flat, allow_unused=True))
        whole = lambda tensor, grad: torch.zeros_like(tensor) if grad is None else grad
        for key, tensors in kept.items():
            b, name = key.split("/")
            found[f"{b}/grad/{name}"] = torch.stack([whole(t, next(grads)) for t in tensors]).numpy()
        found |= {f"grad/{n}": whole(p, next(grads)).numpy() for n, p in P.items()}
        found["loss"] = total.detach().numpy()
    return found
'''

TAIL = """

if __name__ == "__main__":
    numbers = main()
    if "loss" in numbers:
        print(f"loss {float(numbers['loss']):.12g}")
        for name in P:
            print(f"|dL/d {name}| = {np.linalg.norm(numbers['grad/' + name]):.12g}")
    for b in range(SEQUENCES):
        print(f"sequence {b + 1}: output {numbers[f'{b}/output.y'][-1].round(6).tolist()}")
    if len(sys.argv) > 1:
        np.savez(Path(sys.argv[1]), **numbers)
"""
