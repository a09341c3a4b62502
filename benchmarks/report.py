CORES=2
def write(out): pass
