mod calls;
mod hostile;
mod sequences;
