// Package group runs a command as a process group and ends all of it.
//
// It owns the life of one command on this machine: finding it, starting it as
// the leader of its own group, copying its output, and ending what it leaves
// behind. It promises that [Group.Wait] returns only when the command has
// ended, what was found of its children has ended, and its output has been
// written.
//
//	Start ─► running ─► exited ─► group killed ─► strays killed ─► output written ─► Wait returns
//	            │ Signal, SignalAll, Kill
//
// A stray is a child that left the group (setsid) before the command ended.
// Strays are found in two ways: by a variable of their environment
// ([Command.Marker]), and on Linux by falling to this process ([Reaper]). A
// process that cleared its environment escapes the first way, none the second.
//
// What outlived the process that started it is found by the same variable, when
// who comes after that looks for it ([Sweep]).
//
// On Windows a command and all that it starts are a job object, which nothing
// leaves and which ends with the process that made it. SIGTERM is Ctrl-Break
// there, which reaches who shares this process's console, and for spate's own
// programs an event ([OnEnd]).
//
// On Linux a command also ends when the process that started it dies, however
// it dies (PR_SET_PDEATHSIG); elsewhere it has to look for that itself.
package group
