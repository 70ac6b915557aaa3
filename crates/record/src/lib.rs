//! Drives tracees, chooses what memory to capture, writes the log
