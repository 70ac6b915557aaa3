mod calls;
mod control;
mod families;
mod hostile;
mod sequences;
mod special;
mod structures;
