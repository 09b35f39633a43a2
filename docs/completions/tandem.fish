# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tandem_global_optspecs
    string join \n C/directory= color= identity= v/verbose h/help V/version
end

function __fish_tandem_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_tandem_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_tandem_using_subcommand
    set -l cmd (__fish_tandem_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c tandem -n "__fish_tandem_needs_command" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_needs_command" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_needs_command" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_needs_command" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_needs_command" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "init" -d 'A new project from nothing: one role, one inventory, explained'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "check" -d 'Validate everything; no network'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "diff-env" -d 'How two environments differ: is one a fair rehearsal of the other?'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "render" -d 'Write the files that a host would get'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "build" -d 'Build a release: packages, manifest, signatures, repository'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "prepare" -d 'Install the distribution packages that the roles need'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "plan" -d 'Show what would change and what it would interrupt'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "stage" -d 'Push and prove by day; `resume` activates at night'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "apply" -d 'Change the hosts to what the inventory says'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "resume" -d 'Go on with a run, from any machine'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "abort" -d 'Undo a run that is not finished, from any machine'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "rollback" -d 'Go back to an earlier generation, from packages kept on the hosts'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "retire" -d 'Remove everything of ours from a host that left the inventory'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "prune" -d 'Forget old generations and their packages on the hosts'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "status" -d 'One screen: generations, drift, cluster, redundancy'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "history" -d 'Every generation of every host, and what became of it'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "lock" -d 'Who holds the locks; give one back that nobody needs'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "lab" -d 'A twin of an inventory on this machine'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "key" -d 'Keys that sign packages'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "secret" -d 'Secrets of an environment'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "trust" -d 'Show the host keys of hosts that are new, and trust them'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "vagrant" -d 'A Vagrantfile with the hosts of an inventory'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "completions" -d 'Completions for a shell'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "man" -d 'Man pages'
complete -c tandem -n "__fish_tandem_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand init" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand init" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand init" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand init" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand check" -s i -l inventory -d 'Inventory; all of them by default' -r
complete -c tandem -n "__fish_tandem_using_subcommand check" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand check" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand check" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand check" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand check" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand check" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -l diff -d 'The lines of files that differ too, secrets masked'
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -l detailed-exitcode -d 'Exit 2 when something differs'
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand diff-env" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand render" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand render" -l host -d 'Only this host' -r
complete -c tandem -n "__fish_tandem_using_subcommand render" -s o -l output -d 'Directory to write to' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand render" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand render" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand render" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand render" -l with-secrets -d 'Write secrets too, mode 0600'
complete -c tandem -n "__fish_tandem_using_subcommand render" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand render" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand build" -l release -d 'Its version; by default what the file VERSION says' -r
complete -c tandem -n "__fish_tandem_using_subcommand build" -s o -l output -d 'Where releases lie' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand build" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand build" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand build" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand build" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand build" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand build" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand build" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand prepare" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l release -d 'Release; by default the highest version in dist/' -r
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l limit -d 'Only these hosts' -r
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l without -d 'These hosts are down; go on without them' -r
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l confirm-within -d 'Seconds after which a host undoes the change unless we come back' -r
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l out -d 'Save it, for `apply FILE`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand plan" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l again -d 'Apply what was rolled back once more'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l accept-outage -d 'Accept an interruption that rolling order cannot avoid'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l accept-irreversible -d 'Accept steps that cannot be undone'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -l detailed-exitcode -d 'Exit 2 when there is something to do'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand plan" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l release -d 'Release; by default the highest version in dist/' -r
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l limit -d 'Only these hosts' -r
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l without -d 'These hosts are down; go on without them' -r
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l confirm-within -d 'Seconds after which a host undoes the change unless we come back' -r
complete -c tandem -n "__fish_tandem_using_subcommand stage" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l again -d 'Apply what was rolled back once more'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l accept-outage -d 'Accept an interruption that rolling order cannot avoid'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l accept-irreversible -d 'Accept steps that cannot be undone'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand stage" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l release -d 'Release; by default the highest version in dist/' -r
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l limit -d 'Only these hosts' -r
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l without -d 'These hosts are down; go on without them' -r
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l confirm-within -d 'Seconds after which a host undoes the change unless we come back' -r
complete -c tandem -n "__fish_tandem_using_subcommand apply" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l again -d 'Apply what was rolled back once more'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l accept-outage -d 'Accept an interruption that rolling order cannot avoid'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l accept-irreversible -d 'Accept steps that cannot be undone'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand apply" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand resume" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand resume" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand resume" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand resume" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand resume" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand resume" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand resume" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand resume" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand abort" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand abort" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand abort" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand abort" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand abort" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand abort" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand abort" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand abort" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand abort" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l to -d 'Generation number or release version; by default the one before' -r
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l because -d 'Why, for the history' -r
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l accept-outage -d 'Accept an interruption that rolling order cannot avoid'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand rollback" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand retire" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand retire" -l address -d 'Its address, where the inventory no longer knows it' -r
complete -c tandem -n "__fish_tandem_using_subcommand retire" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand retire" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand retire" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand retire" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand retire" -l gone -d 'It is gone for good: only its peers forget it'
complete -c tandem -n "__fish_tandem_using_subcommand retire" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand retire" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand retire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand retire" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand prune" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand prune" -l keep -d 'Generations to keep besides the current one' -r
complete -c tandem -n "__fish_tandem_using_subcommand prune" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand prune" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand prune" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand prune" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand prune" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand prune" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand status" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand status" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand status" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand status" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand status" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand status" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand status" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand status" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand history" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand history" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand history" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand history" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand history" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand history" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand history" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand history" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -f -a "status" -d 'Who holds them'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -f -a "release" -d 'Give back locks of a run that nobody will resume'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and not __fish_seen_subcommand_from status release help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from release" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "status" -d 'Who holds them'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "release" -d 'Give back locks of a run that nobody will resume'
complete -c tandem -n "__fish_tandem_using_subcommand lock; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "up" -d 'Bring it up, or what is missing of it'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "down" -d 'Remove it without a trace'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "status" -d 'Hosts, networks, active faults'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "shell" -d 'A shell on a host'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "exec" -d 'A command on a host; `client-NETWORK` is a machine in that network of the lab'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "fault" -d 'Break something on purpose, or mend it'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and not __fish_seen_subcommand_from up down status shell exec fault help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -l disk-limit -d 'Limit what a host may write: `zape=300` (MiB)' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from up" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from down" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -l json -d 'One JSON document'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from shell" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from exec" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from fault" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "up" -d 'Bring it up, or what is missing of it'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "down" -d 'Remove it without a trace'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "status" -d 'Hosts, networks, active faults'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "shell" -d 'A shell on a host'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "exec" -d 'A command on a host; `client-NETWORK` is a machine in that network of the lab'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "fault" -d 'Break something on purpose, or mend it'
complete -c tandem -n "__fish_tandem_using_subcommand lab; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -f -a "init" -d 'Make the release key and a key for each inventory, where missing'
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -f -a "list" -d 'Fingerprints of the keys that this project trusts'
complete -c tandem -n "__fish_tandem_using_subcommand key; and not __fish_seen_subcommand_from init list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from init" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from init" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from init" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from init" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from list" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from list" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from list" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make the release key and a key for each inventory, where missing'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "list" -d 'Fingerprints of the keys that this project trusts'
complete -c tandem -n "__fish_tandem_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -f -a "edit" -d 'Edit the secrets of an environment in $EDITOR'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -f -a "rekey" -d 'Encrypt again for the recipients as they are now'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -f -a "rotate" -d 'A new value under the next number; the old one stays until dropped'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -f -a "init" -d 'Make what is missing: this operator\'s identity, the file, its secrets'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and not __fish_seen_subcommand_from edit rekey rotate init help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from edit" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rekey" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from rotate" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from init" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "edit" -d 'Edit the secrets of an environment in $EDITOR'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "rekey" -d 'Encrypt again for the recipients as they are now'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'A new value under the next number; the old one stays until dropped'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "init" -d 'Make what is missing: this operator\'s identity, the file, its secrets'
complete -c tandem -n "__fish_tandem_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand trust" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand trust" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand trust" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand trust" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand trust" -l lab -d 'Speak to the twin that `tandem lab up` made, not to the real hosts'
complete -c tandem -n "__fish_tandem_using_subcommand trust" -l yes -d 'Do not ask'
complete -c tandem -n "__fish_tandem_using_subcommand trust" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand trust" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand trust" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -s i -l inventory -d 'Inventory: a name (`dev`) or a file' -r
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -l memory -d 'Memory of each host' -r
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -s o -l output -d 'File to write; by default it is shown' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand vagrant" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand completions" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand completions" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand completions" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand completions" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand completions" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand man" -s o -l output -d 'Directory to write to' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand man" -s C -l directory -d 'The project; by default the nearest directory upwards with `roles/`' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand man" -l color -d 'Colour on standard output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c tandem -n "__fish_tandem_using_subcommand man" -l identity -d 'Private key for SSH, besides those of ssh-agent and ~/.ssh' -r -F
complete -c tandem -n "__fish_tandem_using_subcommand man" -s v -l verbose -d 'Say more on standard error'
complete -c tandem -n "__fish_tandem_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tandem -n "__fish_tandem_using_subcommand man" -s V -l version -d 'Print version'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "init" -d 'A new project from nothing: one role, one inventory, explained'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "check" -d 'Validate everything; no network'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "diff-env" -d 'How two environments differ: is one a fair rehearsal of the other?'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "render" -d 'Write the files that a host would get'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "build" -d 'Build a release: packages, manifest, signatures, repository'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "prepare" -d 'Install the distribution packages that the roles need'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "plan" -d 'Show what would change and what it would interrupt'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "stage" -d 'Push and prove by day; `resume` activates at night'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "apply" -d 'Change the hosts to what the inventory says'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "resume" -d 'Go on with a run, from any machine'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "abort" -d 'Undo a run that is not finished, from any machine'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "rollback" -d 'Go back to an earlier generation, from packages kept on the hosts'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "retire" -d 'Remove everything of ours from a host that left the inventory'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "prune" -d 'Forget old generations and their packages on the hosts'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "status" -d 'One screen: generations, drift, cluster, redundancy'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "history" -d 'Every generation of every host, and what became of it'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "lock" -d 'Who holds the locks; give one back that nobody needs'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "lab" -d 'A twin of an inventory on this machine'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "key" -d 'Keys that sign packages'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "secret" -d 'Secrets of an environment'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "trust" -d 'Show the host keys of hosts that are new, and trust them'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "vagrant" -d 'A Vagrantfile with the hosts of an inventory'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "completions" -d 'Completions for a shell'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "man" -d 'Man pages'
complete -c tandem -n "__fish_tandem_using_subcommand help; and not __fish_seen_subcommand_from init check diff-env render build prepare plan stage apply resume abort rollback retire prune status history lock lab key secret trust vagrant completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lock" -f -a "status" -d 'Who holds them'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lock" -f -a "release" -d 'Give back locks of a run that nobody will resume'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "up" -d 'Bring it up, or what is missing of it'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "down" -d 'Remove it without a trace'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "status" -d 'Hosts, networks, active faults'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "shell" -d 'A shell on a host'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "exec" -d 'A command on a host; `client-NETWORK` is a machine in that network of the lab'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from lab" -f -a "fault" -d 'Break something on purpose, or mend it'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "init" -d 'Make the release key and a key for each inventory, where missing'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "list" -d 'Fingerprints of the keys that this project trusts'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "edit" -d 'Edit the secrets of an environment in $EDITOR'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "rekey" -d 'Encrypt again for the recipients as they are now'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "rotate" -d 'A new value under the next number; the old one stays until dropped'
complete -c tandem -n "__fish_tandem_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "init" -d 'Make what is missing: this operator\'s identity, the file, its secrets'
