"""The compiled plan of a cell: how the NumPy engine computes a lane fast, whatever the cell.

From the equations to a run, one file each:

``values``     the graph's nodes as products, functions, sums and *rows*: a row is what one matrix product gives for all
               gates at once, W_h h_prev + W_x x + b
``program``    the element-wise calls of one step forward and backward, and the local derivatives they need
``merging``    calls of one kind on neighbouring slots become one call; the slots are ordered so that many do
``compiled``   the three together, once for each cell
``tape``       frames (one row of memory a step) and the flat list of NumPy calls over views of them
``weights``    parameters packed into the plan's order, and their gradients brought back into torch's
``lane``       one lane's run: forward, backward, and reading what was recorded
``pool``       tapes that wait for the next run, and those that a living trace still reads
"""
