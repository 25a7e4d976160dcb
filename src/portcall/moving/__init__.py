"""Moving over: reads another system's configuration directory and writes files of ours, saying what became of each."""
