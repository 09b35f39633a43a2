# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_clusterd_global_optspecs
    string join \n run= h/help V/version
end

function __fish_clusterd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_clusterd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_clusterd_using_subcommand
    set -l cmd (__fish_clusterd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c clusterd -n "__fish_clusterd_needs_command" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c clusterd -n "__fish_clusterd_needs_command" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "run" -d 'Be the daemon'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "witness" -d 'Be the daemon'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "status" -d 'Say how the cluster stands; exit 2 if it is not healthy'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "explain" -d 'Say why a resource is where it is, why not elsewhere, and what it waits for'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "simulate" -d 'Say what would happen, without doing anything'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "check" -d 'Check a file; without one, check the cluster as Nagios wants it'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "move" -d 'Move a resource, for a time'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "start" -d 'Start a resource that was stopped with `stop`, or everything'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "stop" -d 'Stop a resource until `start`, or everything'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "standby" -d 'Take everything away from a node, until `online`'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "online" -d 'Let a node take resources again'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "maintenance" -d 'Leave everything alone, or a node, or a resource, until `--off`'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "cleanup" -d 'Forget failures, and look at everything anew'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "failcount" -d 'Say how often resources failed since the last `cleanup`'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "bundle" -d 'Write one file with everything that somebody who helps needs; secrets are removed'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "key" -d 'Make a key for the packets between members'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "renew" -d 'Replace the daemon by the program that is installed now; resources are not touched'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "fence" -d 'Confirm that a node is off, where its fencing device cannot'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "fence-peer" -d 'Outdate the other copy of a resource\'s data: DRBD\'s handler `fence-peer`'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "unfence-peer" -d 'All copies of a resource\'s data are the same again: DRBD\'s handler `unfence-peer`'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "give" -d 'Give everything that runs on a node to the others, once; it may come back'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "reload" -d 'Make the daemon read its files again. It begins anew, without touching resources, if what changed asks for it, or as another program that is installed by now and takes the file'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "completions" -d 'Completions for a shell'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "man" -d 'Man pages'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "supervise" -d 'Run an agent in a scope of its own. Not for people'
complete -c clusterd -n "__fish_clusterd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -l configuration -d 'The file that describes the cluster' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -l me -d 'Which member this is; without it, the name of this machine' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -l state -d 'Where the replicated log is kept' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -l tools -d 'Where the small programs are that agents call' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand run" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -l configuration -d 'The file that describes the cluster' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -l me -d 'Which member this is; without it, the name of this machine' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -l state -d 'Where the replicated log is kept' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -l tools -d 'Where the small programs are that agents call' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand witness" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -l file -d 'A report or a bundle, in place of the daemon of this machine' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -l wait -d 'Only once the cluster is so' -r -f -a "healthy\t'All runs that should, and the next failure can be survived'
running\t'All runs that should'
settled\t'Nothing is under way'"
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -l timeout -d 'Seconds after which waiting ends' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -l json -d 'One JSON document; with --watch one on each line'
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -l watch -d 'Again whenever something changed'
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c clusterd -n "__fish_clusterd_using_subcommand status" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand explain" -l file -d 'A model or a bundle, in place of the daemon of this machine' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand explain" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand explain" -l json -d 'One JSON document'
complete -c clusterd -n "__fish_clusterd_using_subcommand explain" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand explain" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l lose -d 'A node or witness dies, or nobody hears it any more' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l fail -d 'A resource fails, everywhere or on a node; again for another failure' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l standby -d 'A node goes into standby' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l online -d 'A node takes resources again' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l attribute -d 'An attribute of a node changes: `pingd` counts the hosts that it reaches' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l file -d 'A model (`GET /v1/model`) or a bundle, in place of the daemon of this machine' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l maintenance-end -d 'All maintenance ends'
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -l json -d 'One JSON document'
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand simulate" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand check" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand check" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand check" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l to -d 'Where to' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l away-from -d 'Away from where' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l minutes -d 'For how many minutes' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l clear -d 'Forget an earlier move'
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand move" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand start" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand start" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand start" -l cluster -d 'Everything, on all nodes'
complete -c clusterd -n "__fish_clusterd_using_subcommand start" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand start" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand start" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand stop" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand stop" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand stop" -l cluster -d 'Everything, on all nodes'
complete -c clusterd -n "__fish_clusterd_using_subcommand stop" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand stop" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand stop" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand standby" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand standby" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand standby" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand standby" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand standby" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand online" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand online" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand online" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand online" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand online" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -l resource -d 'Only this resource' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -l off -d 'Not any more'
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand maintenance" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand cleanup" -l node -d 'On which node; nothing: everywhere' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand cleanup" -l timeout -d 'Seconds after which waiting ends; what was asked for stays asked for' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand cleanup" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand cleanup" -l no-wait -d 'Do not wait until it is carried out'
complete -c clusterd -n "__fish_clusterd_using_subcommand cleanup" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand cleanup" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand failcount" -l node -d 'On which node; nothing: everywhere' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand failcount" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand failcount" -l json -d 'One JSON document'
complete -c clusterd -n "__fish_clusterd_using_subcommand failcount" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand failcount" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand bundle" -s o -l output -d 'File to write; `-`: standard output' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand bundle" -l lines -d 'Lines of the journal' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand bundle" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand bundle" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand bundle" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand key" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c clusterd -n "__fish_clusterd_using_subcommand key" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand renew" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand renew" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand renew" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand fence" -l confirm-off -d 'The node, by its name' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand fence" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand fence" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c clusterd -n "__fish_clusterd_using_subcommand fence" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand fence-peer" -l timeout -d 'Seconds after which to give up: until then a lost peer may be switched off. drbdadm(8) itself waits for ten minutes' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand fence-peer" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand fence-peer" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c clusterd -n "__fish_clusterd_using_subcommand fence-peer" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand unfence-peer" -l timeout -d 'Seconds after which to give up: DRBD does nothing else meanwhile' -r
complete -c clusterd -n "__fish_clusterd_using_subcommand unfence-peer" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand unfence-peer" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c clusterd -n "__fish_clusterd_using_subcommand unfence-peer" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand give" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand give" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand give" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand reload" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand reload" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand reload" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand completions" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand completions" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand man" -s o -l output -d 'Directory to write to' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand man" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand man" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand man" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand supervise" -l run -d 'Where the sockets of the daemon are' -r -F
complete -c clusterd -n "__fish_clusterd_using_subcommand supervise" -s h -l help -d 'Print help'
complete -c clusterd -n "__fish_clusterd_using_subcommand supervise" -s V -l version -d 'Print version'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "run" -d 'Be the daemon'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "status" -d 'Say how the cluster stands; exit 2 if it is not healthy'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "explain" -d 'Say why a resource is where it is, why not elsewhere, and what it waits for'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "simulate" -d 'Say what would happen, without doing anything'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "check" -d 'Check a file; without one, check the cluster as Nagios wants it'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "move" -d 'Move a resource, for a time'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "start" -d 'Start a resource that was stopped with `stop`, or everything'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "stop" -d 'Stop a resource until `start`, or everything'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "standby" -d 'Take everything away from a node, until `online`'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "online" -d 'Let a node take resources again'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "maintenance" -d 'Leave everything alone, or a node, or a resource, until `--off`'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "cleanup" -d 'Forget failures, and look at everything anew'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "failcount" -d 'Say how often resources failed since the last `cleanup`'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "bundle" -d 'Write one file with everything that somebody who helps needs; secrets are removed'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "key" -d 'Make a key for the packets between members'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "renew" -d 'Replace the daemon by the program that is installed now; resources are not touched'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "fence" -d 'Confirm that a node is off, where its fencing device cannot'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "fence-peer" -d 'Outdate the other copy of a resource\'s data: DRBD\'s handler `fence-peer`'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "unfence-peer" -d 'All copies of a resource\'s data are the same again: DRBD\'s handler `unfence-peer`'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "give" -d 'Give everything that runs on a node to the others, once; it may come back'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "reload" -d 'Make the daemon read its files again. It begins anew, without touching resources, if what changed asks for it, or as another program that is installed by now and takes the file'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "completions" -d 'Completions for a shell'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "man" -d 'Man pages'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "supervise" -d 'Run an agent in a scope of its own. Not for people'
complete -c clusterd -n "__fish_clusterd_using_subcommand help; and not __fish_seen_subcommand_from run status explain simulate check move start stop standby online maintenance cleanup failcount bundle key renew fence fence-peer unfence-peer give reload completions man supervise help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
