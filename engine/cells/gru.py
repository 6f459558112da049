"""The gated recurrent unit in torch.nn.GRU's form: r acts on W_hn h + b_hn."""

from engine.registry import Cell, cells

cells.add(
    "gru",
    Cell(
        name="gru",
        title="GRU",
        states=("h",),
        gates=("r", "z", "n"),
        equations="""
            a_r = W_ir x_t + b_ir + W_hr h_prev + b_hr
            a_z = W_iz x_t + b_iz + W_hz h_prev + b_hz
            r, z = σ(a_r), σ(a_z)
            a_n = W_in x_t + b_in + r ⊙ (W_hn h_prev + b_hn)
            n = tanh(a_n)
            h_t = (1 − z) ⊙ n + z ⊙ h_prev
        """,
        reference="Cho et al., EMNLP 2014; equations as torch.nn.GRU",
    ),
)
