"""The long short-term memory cell, with torch.nn.LSTM's gates i f g o."""

from engine.registry import Cell, cells

cells.add(
    "lstm",
    Cell(
        name="lstm",
        title="LSTM",
        states=("h", "c"),
        gates=("i", "f", "g", "o"),
        equations="""
            a_i = W_ii x_t + b_ii + W_hi h_prev + b_hi
            a_f = W_if x_t + b_if + W_hf h_prev + b_hf
            a_g = W_ig x_t + b_ig + W_hg h_prev + b_hg
            a_o = W_io x_t + b_io + W_ho h_prev + b_ho
            i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)
            c_t = f ⊙ c_prev + i ⊙ g
            h_t = o ⊙ tanh(c_t)
        """,
        forget_gate="f",
        reference="Hochreiter and Schmidhuber, Neural Computation 9 (1997); Gers et al. 2000; as torch.nn.LSTM",
    ),
)
