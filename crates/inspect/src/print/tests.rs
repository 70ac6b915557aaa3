mod calls;
mod control;
mod families;
mod hostile;
mod messages;
mod sequences;
mod special;
mod structures;
