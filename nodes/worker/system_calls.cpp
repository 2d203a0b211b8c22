#include "nodes/worker/system_calls.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace mole::nodes {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t machine = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t machine = 0;
#endif

constexpr std::uint32_t x32_bit = 0x40000000;  // the calls of a second interface of x86-64
constexpr std::uint32_t new_namespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr std::uint32_t refused[] = {
    // other programs and processes
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_pidfd_open,
    SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_tkill, SYS_setsid, SYS_setpgid, SYS_unshare, SYS_setns, SYS_kcmp,
    // file systems
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsmount, SYS_fsconfig,
    SYS_fspick, SYS_mount_setattr, SYS_open_by_handle_at, SYS_swapon, SYS_swapoff, SYS_quotactl, SYS_acct,
    // the kernel
    SYS_bpf, SYS_perf_event_open, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_userfaultfd, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot,
    SYS_personality,
    // users
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset,
    // memory that processes share, or that is not counted as theirs
    SYS_shmget, SYS_semget, SYS_msgget, SYS_mq_open, SYS_memfd_create,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
    SYS_setrlimit};

constexpr std::uint32_t deny(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

// Of fcntl.
constexpr std::uint32_t lock_commands[] = {F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, F_NOTIFY};

class Program {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_argument(std::size_t index, bool upper = false) {  // little-endian
    load(offsetof(seccomp_data, args) + 8 * index + (upper ? 4 : 0));
  }
  void result(std::uint32_t value) { add(BPF_RET | BPF_K, value); }
  // The next instruction is executed only if the loaded word is `value`, or has any bit of it.
  void if_equal(std::uint32_t value, std::uint8_t skip = 1) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip); }
  void if_not_equal(std::uint32_t value) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0); }
  void if_at_least(std::uint32_t value) { add(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1); }
  void if_any(std::uint32_t bits) { add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1); }
  void if_none(std::uint32_t bits) { add(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0); }
  bool install() {
    const sock_fprog program{static_cast<unsigned short>(words_.size()), words_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void add(int code, std::uint32_t value, std::uint8_t then = 0, std::uint8_t otherwise = 0) {
    words_.push_back({static_cast<std::uint16_t>(code), then, otherwise, value});
  }
  std::vector<sock_filter> words_;
};

}  // namespace

bool refuse_system_calls(const KeptCalls& kept) {
  errno = ENOSYS;
  if (machine == 0) return false;
  const auto refusal = deny(EPERM);
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.if_not_equal(machine);
  program.result(refusal);
  program.load(offsetof(seccomp_data, nr));
#ifdef __x86_64__
  program.if_at_least(x32_bit);
  program.result(refusal);
#endif
  for (const auto call : refused) {
    program.if_equal(call);
    program.result(refusal);
  }
  program.if_equal(SYS_clone3);  // its flags cannot be seen here; the C library uses clone then
  program.result(deny(ENOSYS));
  for (const auto call : {SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo}) {
    program.if_equal(static_cast<std::uint32_t>(call), 4);
    program.load_argument(0);
    program.if_not_equal(static_cast<std::uint32_t>(::getpid()));
    program.result(refusal);
    program.result(SECCOMP_RET_ALLOW);
  }
  program.if_equal(SYS_clone, 6);
  program.load_argument(0);
  program.if_none(CLONE_THREAD);
  program.result(refusal);
  program.if_any(new_namespaces);
  program.result(refusal);
  program.result(SECCOMP_RET_ALLOW);
  program.if_equal(SYS_prctl, 6);
  program.load_argument(0);
  program.if_equal(PR_SET_PDEATHSIG);  // a worker ends with its node
  program.result(refusal);
  program.if_equal(PR_SET_DUMPABLE);  // its node reads what it has written in /proc
  program.result(refusal);
  program.result(SECCOMP_RET_ALLOW);
  if (!kept.file_locks) {
    program.if_equal(SYS_flock);
    program.result(refusal);
    program.if_equal(SYS_fcntl, 2 + 2 * std::size(lock_commands));
    program.load_argument(1);
    for (const auto command : lock_commands) {
      program.if_equal(command);
      program.result(refusal);
    }
    program.result(SECCOMP_RET_ALLOW);
  }
  program.if_equal(SYS_prlimit64, 7);  // limits may be read
  program.load_argument(2);
  program.if_not_equal(0);
  program.result(refusal);
  program.load_argument(2, true);
  program.if_not_equal(0);
  program.result(refusal);
  program.result(SECCOMP_RET_ALLOW);
  program.if_equal(SYS_socket, 8);
  program.load_argument(0);
  for (const auto family :
       kept.network ? std::vector<std::uint32_t>{AF_INET, AF_INET6, AF_NETLINK} : std::vector<std::uint32_t>(3, UINT32_MAX)) {
    program.if_equal(family);
    program.result(SECCOMP_RET_ALLOW);
  }
  program.result(refusal);
  program.result(SECCOMP_RET_ALLOW);
  return program.install();
}

}  // namespace mole::nodes
