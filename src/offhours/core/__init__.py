"""The ground floor: model, states, events, times. Standard library only, no I/O."""
