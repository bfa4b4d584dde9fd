package group

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A tree is a job object with all that the command starts in it. Its last handle
// is this process's, so that the tree ends with it, however it ends.
// https://learn.microsoft.com/windows/win32/procthread/job-objects
type tree struct {
	job windows.Handle
	pid uint32
	ask windows.Handle // the event by which spate's own programs are asked to end
}

// askName is the name of that event of a process.
func askName(pid int) (*uint16, error) {
	return windows.UTF16PtrFromString(fmt.Sprintf(`Local\spate-end-%d`, pid))
}

// OnEnd calls end once who started this process as a Command asks it to end.
// Ctrl-Break reaches only who shares a console; this reaches spate's own workers
// without one.
func OnEnd(end func()) {
	name, err := askName(os.Getpid())
	if err != nil {
		return
	}
	ask, err := windows.OpenEvent(windows.SYNCHRONIZE, false, name)
	if err != nil {
		return // a person started it
	}
	go func() {
		defer windows.CloseHandle(ask)
		if got, err := windows.WaitForSingleObject(ask, windows.INFINITE); err == nil && got == windows.WAIT_OBJECT_0 {
			end()
		}
	}()
}

func attributes(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED}
}

// startTree starts a command that can start nothing before it is in the job.
func startTree(cmd *exec.Cmd, r *Reaper) (t tree, err error) {
	t.job, err = windows.CreateJobObject(nil, nil)
	if err != nil {
		return t, fmt.Errorf("making a job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(t.job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		err = r.start(cmd)
	}
	if err != nil {
		return t, errors.Join(err, windows.CloseHandle(t.job))
	}
	t.pid = uint32(cmd.Process.Pid)
	if err = t.take(); err == nil {
		err = resume(t.pid)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return t, errors.Join(err, t.close())
	}
	return t, nil
}

func (t *tree) take() error {
	name, err := askName(int(t.pid))
	if err != nil {
		return err
	}
	if t.ask, err = windows.CreateEvent(nil, 1, 0, name); err != nil {
		return fmt.Errorf("making an event: %w", err)
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, t.pid)
	if err != nil {
		return fmt.Errorf("opening process %d: %w", t.pid, err)
	}
	defer windows.CloseHandle(process)
	if err := windows.AssignProcessToJobObject(t.job, process); err != nil {
		return fmt.Errorf("taking process %d into its job object: %w", t.pid, err)
	}
	return nil
}

// resume lets a process begin that has its first thread alone.
func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return fmt.Errorf("listing threads: %w", err)
	}
	defer windows.CloseHandle(all)
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(all, &entry); err == nil; err = windows.Thread32Next(all, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return fmt.Errorf("opening the thread of process %d: %w", pid, err)
		}
		defer windows.CloseHandle(thread)
		_, err = windows.ResumeThread(thread)
		return err
	}
	return fmt.Errorf("process %d has no thread: %w", pid, err)
}

// signal asks for the end, spate's own programs by their event and others by
// Ctrl-Break; SIGKILL ends the tree.
func (t tree) signal(s syscall.Signal) {
	if s == syscall.SIGKILL {
		_ = windows.TerminateJobObject(t.job, 128+uint32(s))
		return
	}
	_ = windows.SetEvent(t.ask)
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, t.pid)
}

func (t tree) signalAll(s syscall.Signal) { t.signal(s) }

// end ends what is left of it.
func (t tree) end() {
	t.signal(syscall.SIGKILL)
	_ = t.close()
}

func (t tree) close() error {
	err := windows.CloseHandle(t.job)
	if t.ask != 0 {
		err = errors.Join(err, windows.CloseHandle(t.ask))
	}
	return err
}

// exitOf tells the end by Ctrl-Break as that by SIGTERM.
func exitOf(state *os.ProcessState) Exit {
	if uint32(state.ExitCode()) == uint32(windows.STATUS_CONTROL_C_EXIT) {
		return Exit{Code: 128 + int(syscall.SIGTERM)}
	}
	return Exit{Code: state.ExitCode()}
}
