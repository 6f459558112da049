"""The compiled plan of a cell: how the NumPy engine computes a lane fast, whatever the cell.

From the equations to a run, one file each:

``values``     the graph's nodes as products, functions, sums and *rows*: a row is what one matrix product gives for
               all gates at once, W_h h_prev + W_x x + b
``program``    the element-wise calls of one step forward and backward, and the local derivatives they need
``merging``    calls of one kind on neighbouring slots become one call; the slots are ordered so that many do
``compiled``   the three together, once for each cell
``tape``       frames (one row of memory a step) and the flat list of NumPy calls over views of them
``moves``      where the blocks of stacked parameters stand in the plan's rows
``weights``    parameters packed into the plan's order, and their gradients brought back into torch's; ``gather`` packs
               a small lane's number by number
``lane``       one lane's run forward and backward over ``views`` of its tape; ``recorded`` reads what it left
``pool``       tapes that wait for the next run; ``record`` is what a trace reads from those it still holds
``walked``     the same by walking the graph, for equations that the plan does not know

An LSTM step is 8 calls forward and 7 backward, a GRU's 10 and 5, an RNN's 2 and 2; one more where the input is
multiplied for all steps before, and one where gradients come from outside at every step.
"""
