mod calls;
mod families;
mod hostile;
mod sequences;
mod special;
mod structures;
