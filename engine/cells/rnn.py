"""The vanilla (Elman) recurrent cell, with torch.nn.RNN's parameters."""

from engine.registry import Cell, cells

cells.add(
    "rnn",
    Cell(
        name="rnn",
        title="RNN",
        states=("h",),
        equations="""
            a = W_ih x_t + b_ih + W_hh h_prev + b_hh
            h_t = φ(a)
        """,
        reference="Elman, Finding structure in time, Cognitive Science 14 (1990); equations as torch.nn.RNN",
    ),
)
