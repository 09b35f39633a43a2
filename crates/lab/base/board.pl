# The hardware around one host of a lab, outside of its container: the watchdog at /dev/watchdog, the BMC
# with its power button, and what the power button does.
#
#   board.pl watchdog RUN         starts the watchdog; returns when it can be reached
#   board.pl bmc RUN              starts the BMC (ipmi_sim); returns at once
#   board.pl all RUN              starts both
#   board.pl chassis RUN WORD...  called by ipmi_sim: `get power`, `set power 0`, ...
#
# RUN is the host's directory below /run; what to do it with is in RUN/board.conf: `KEY VALUE` on each line,
# a key that has several values on several lines.
#
# Perl, because it is on every machine that has mmdebstrap: what keeps a lab must be able to outlive, and to
# differ from, the program that brought the lab up.
use strict;
use warnings;
use Fcntl qw(:flock);
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(clock_gettime sleep CLOCK_BOOTTIME);

my ($role, $run, @words) = @ARGV;
my %conf;
open my $file, '<', "$run/board.conf" or die "$run/board.conf: $!\n";
while (<$file>) {
    chomp;
    my ($key, $value) = split / /, $_, 2;
    push @{ $conf{$key} }, $value;
}
close $file;
$SIG{PIPE} = 'IGNORE';
# Of the watchdog; the first is undefined while it is disarmed.
my ($armed_ms, $armed_boot, $deadline);
my %roles = (all => sub { bmc(); watchdog() }, watchdog => \&watchdog, bmc => \&bmc, chassis => \&chassis);
($roles{ $role // '' } or die "board.pl: unknown role\n")->();
exit 0;

sub one { return $conf{ $_[0] }[0] }

sub slurp {
    open my $in, '<', $_[0] or return '';
    local $/;
    my $text = <$in> // '';
    chomp $text;
    return $text;
}

sub spill {
    my ($path, $text) = @_;
    open my $out, '>', $path or return 0;
    print $out $text;
    return close $out;
}

# --- The host's processes -------------------------------------------------------------------------------

# All processes in a group of the host, and in the groups below it.
sub processes {
    my ($group) = @_;
    my @pids = split ' ', slurp("$group/cgroup.procs");
    push @pids, processes($_) for grep { -d } glob "$group/*";
    return @pids;
}

sub keeper    { return processes(one('tracking') . '/keeper') }
sub container { return processes(one('tracking') . '/boot') }

# Its number in the container's pid namespace; nothing for a process of this machine, or a dead one.
sub inner_pid {
    my $status = slurp("/proc/$_[0]/status");
    return if $status =~ /^State:\s+[ZX]/m;
    return $status =~ /^NSpid:\s+\d+.*\s(\d+)$/m ? $1 : undef;
}

# Kills all processes of the container at once, also frozen ones, and leaves systemd-nspawn to notice.
# Returns whether there were any.
sub cut {
    my @inner = grep { $_->[1] } map { [ $_, inner_pid($_) ] } container();
    # PID 1 first: the kernel takes the rest with it. Frozen ones die only when thawed, and must not run then.
    kill 'KILL', map { $_->[0] } sort { $a->[1] <=> $b->[1] } @inner;
    thaw();
    return scalar @inner;
}

sub thaw {
    my $boot = one('tracking') . '/boot';
    if    (one('freezer') eq 'v1') { spill("$boot/freezer.state", 'THAWED') }
    elsif (one('freezer') eq 'v2') { spill("$boot/cgroup.freeze", '0') }
    else                           { kill 'CONT', container() }
    return;
}

sub boots { return slurp(one('boots')) || 0 }

# As a reset button: all is dead at once, and the keeper boots it again. The mark names the boot that is meant.
sub reset_host {
    my ($boot) = @_;
    spill("$run/reset", $boot);
    cut() or unlink "$run/reset";
    return;
}

# --- What keeps running -----------------------------------------------------------------------------------

# Moves this process, and all that it starts, to a group of the host.
sub enter {
    for my $group (map { "$_/$_[0]" } @{ $conf{group} }) {
        my $path = '';
        for (split m{/}, $group) { $path .= "$_/"; mkdir $path }
        spill("$group/cgroup.procs", '0');
    }
    return;
}

# Nothing of whoever started this process stays open: neither pipes nor locks nor the BMC's socket.
sub let_go {
    my ($log) = @_;
    POSIX::setsid();
    chdir '/';
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>>', $log;
    open STDERR, '>>', $log;
    STDERR->autoflush(1);
    return;
}

sub close_inherited {
    for my $fd (map { m{(\d+)$} } glob '/proc/self/fd/*') { POSIX::close($fd) if $fd > 2 }
    return;
}

# --- The watchdog -----------------------------------------------------------------------------------------

sub now { return clock_gettime(CLOCK_BOOTTIME) }

# A host that boots finds its watchdog disarmed.
sub is_armed {
    undef $armed_ms if defined $armed_ms && $armed_boot ne boots();
    return defined $armed_ms;
}

sub answer {
    my ($line) = @_;
    my $armed = is_armed();
    if ($line eq 'hello') {
        return $armed ? "ok armed $armed_ms" : 'ok disarmed';
    }
    if ($line =~ /^arm ([1-9]\d{0,6})$/) {
        ($armed_ms, $armed_boot, $deadline) = ($1, boots(), now() + $1 / 1000);
        return "ok armed $armed_ms";
    }
    return 'error arm wants milliseconds, 1 to 9999999' if $line =~ /^arm\b/;
    if ($line eq 'pet') {
        return 'error not armed' if !$armed;
        $deadline = now() + $armed_ms / 1000;
        return "ok armed $armed_ms";
    }
    if ($line eq 'disarm') {
        undef $armed_ms;
        return 'ok disarmed';
    }
    return 'error known are hello, arm MS, pet, disarm';
}

sub watchdog {
    my $path = "$run/watchdog";
    unlink $path;
    umask 0177;
    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 16) or die "$path: $!\n";
    enter('watchdog');
    # Whoever waits for this process knows that the socket is there.
    defined(my $child = fork) or die "fork: $!\n";
    return if $child;
    let_go("$run/watchdog.log");
    # Hardware does not wait for the machine's processors.
    setpriority 0, 0, -20;
    my $select = IO::Select->new($listener);
    my %unfinished;
    while (1) {
        my $left = defined $armed_ms ? $deadline - now() : undef;
        for my $socket ($select->can_read(defined $left && $left < 0 ? 0 : $left)) {
            if ($socket == $listener) {
                my $new = $listener->accept or next;
                $new->blocking(0);
                # Of too many connections the new one is refused.
                if ($select->count <= 64) { $select->add($new) }
                next;
            }
            # A connection that ends disarms nothing.
            my $count = sysread $socket, my $bytes, 4096;
            my $text = ($unfinished{$socket} // '') . ($bytes // '');
            my $replies = '';
            $replies .= answer($1) . "\n" while $text =~ s/^(.*?)\r?\n//;
            $unfinished{$socket} = $text;
            syswrite $socket, $replies if length $replies;
            if (!$count || length $text > 256) {
                delete $unfinished{$socket};
                $select->remove($socket);
                close $socket;
            }
        }
        if (defined $armed_ms && now() >= $deadline) {
            my $boot = $armed_boot;
            # Not the next boot, and not a host that is off.
            if (is_armed()) {
                reset_host($boot);
                printf STDERR "boot %d reset after %d ms without a pet, killed %.1f ms late\n",
                    $boot, $armed_ms, 1000 * (now() - $deadline);
            }
            undef $armed_ms;
        }
    }
}

# --- The BMC ----------------------------------------------------------------------------------------------

sub bmc {
    enter('bmc');
    defined(my $child = fork) or die "fork: $!\n";
    return if $child;
    let_go(one('bmc-log'));
    close_inherited();
    exec @{ $conf{'bmc-command'} } or die "ipmi_sim: $!\n";
}

sub chassis {
    my ($verb, $what, $value) = @words;
    # With them open, a host that is switched on here would keep the BMC's own socket.
    close_inherited();
    my $lie  = "$run/bmc-lie";
    my $slow = slurp("$run/bmc-slow") || 0;
    if ($verb eq 'get' && $what eq 'power') {
        my $said = -e $lie ? slurp($lie) : '';
        print 'power:', $said ne '' ? $said : is_on(), "\n";
        return;
    }
    # Boot devices and lights: nothing that a lab's host has.
    if ($verb eq 'get') { print "$what:", ($what eq 'boot' ? 'none' : 0), "\n"; return }
    my %acts = (
        'power 0'    => \&power_off,
        'power 1'    => \&power_on,
        'reset 1'    => sub { reset_host(boots()) },
        'shutdown 1' => sub { kill POSIX::SIGRTMIN() + 4, grep { (inner_pid($_) // 0) == 1 } container() },
    );
    my $act = $acts{"$what " . ($value // '')} or return;
    if (-e $lie) {
        spill($lie, $value) if $what eq 'power';
        return;
    }
    if ($slow) {
        defined(my $child = fork) or die "fork: $!\n";
        return if $child;
        let_go(one('bmc-log'));
        sleep $slow;
    }
    my $lock = take_lock();
    $act->($lock);
    return;
}

# Off is off when nothing is left of it.
sub is_on { return keeper() || container() ? 1 : 0 }

# The lock of all who change the lab: see lock.rs.
sub take_lock {
    open my $lock, '+<', one('lock') or die "the lab is gone\n";
    flock $lock, LOCK_EX or die "lock: $!\n";
    my @now = stat one('lock');
    die "the lab is gone\n" if !@now || $now[1] != (stat $lock)[1];
    return $lock;
}

# As in power.rs: the keeper first, or it would take this for a reboot.
sub power_off {
    kill 'KILL', keeper();
    cut();
    my $from = clock_gettime(CLOCK_BOOTTIME);
    if (open my $ip, '|-', 'ip', '-n', one('netns'), '-force', '-batch', '-') {
        open STDERR, '>', '/dev/null';
        print $ip "link delete $_\n" for @{ $conf{port} };
        close $ip;
    }
    my $insisted = 0;
    while (is_on()) {
        my $waited = clock_gettime(CLOCK_BOOTTIME) - $from;
        die "it is still there\n" if $waited > 10;
        kill 'KILL', container() if $waited > 1 && !$insisted++;
        sleep 0.005;
    }
    unlink "$run/attached";
    return;
}

sub power_on {
    my ($lock) = @_;
    return if keeper();
    power_off() if container();
    unlink "$run/attached";
    defined(my $child = fork) or die "fork: $!\n";
    if (!$child) {
        # The keeper lets go of the lock once it can be seen.
        open STDIN,  '<&', $lock;
        open STDOUT, '>>', one('console');
        open STDERR, '>>', one('console');
        chdir '/';
        exec @{ $conf{'keeper-command'} } or die "keeper: $!\n";
    }
    waitpid $child, 0;
    for (1 .. 1000) {
        return if is_on();
        sleep 0.005;
    }
    die "it did not start\n";
}
