# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kubectl_netcheck_global_optspecs
    string join \n port= protocol= attempts= no-probes deep y/yes dry-run image= image-pull-policy= from= record= fail-on= o/output= color= q/quiet v/verbose timeout= n/namespace= context= kubeconfig= cluster= user= s/server= request-timeout= as= as-group= as-uid= as-user-extra= token= username= password= certificate-authority= client-certificate= client-key= tls-server-name= insecure-skip-tls-verify= disable-compression= cache-dir= h/help V/version
end

function __fish_kubectl_netcheck_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kubectl_netcheck_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kubectl_netcheck_using_subcommand
    set -l cmd (__fish_kubectl_netcheck_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l port -d 'The destination\'s port, by number or by name' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l protocol -d 'The transport protocol; TCP unless the Service\'s port says otherwise' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l attempts -d 'How often each connection is tried' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l image -d 'The agent\'s image, for private registries' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l image-pull-policy -d 'When a node pulls the agent\'s image' -r -f -a "IfNotPresent\t''
Always\t''
Never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l from -d 'Replay a recorded run instead of asking a cluster' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l record -d 'Write the inputs of this run to a file, for --from' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l fail-on -d 'From what on the exit code is 1' -r -f -a "cause\t'A fault of this question'
warning\t'Also one of another question'
never\t'Never: 0 where it would be 1'"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l no-probes -d 'Read only: start nothing in any pod'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l deep -d 'Allow agents in pods that share a node\'s network'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s y -l yes -d 'Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -l dry-run -d 'Print every read, object, verb and capability the run needs, and stop before anything is created'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -s V -l version -d 'Print version'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "info" -d 'Say which network the cluster has: CNI, kube-proxy, DNS, addresses, mesh, ingress, each with its evidence'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "collect" -d 'Record the inputs of a diagnosis in a file, to look at them elsewhere or later with --from'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "policy" -d 'Say whether the policies allow a connection, and which rule decides'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "rbac" -d 'Print the roles that a user of netcheck needs, as YAML'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "explain" -d 'Say what a finding means and how to mend it'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "completion" -d 'Print a completion script'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "version" -d 'Print versions'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l image -d 'The agent\'s image, for private registries' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l image-pull-policy -d 'When a node pulls the agent\'s image' -r -f -a "IfNotPresent\t''
Always\t''
Never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l from -d 'Read a recorded run instead of a cluster; what it did not record is a gap' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l record -d 'Write what was read to a file, for --from' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -l deep -d 'Start an agent in kube-proxy\'s pods, which share their node\'s network, to hear which mode it really runs in'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s y -l yes -d 'Do not ask before --deep starts an agent. Only a person at a terminal is asked'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l port -d 'The destination\'s port, by number or by name' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l protocol -d 'The transport protocol; TCP unless the Service\'s port says otherwise' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l attempts -d 'How often each connection is tried' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s w -l write -d 'The file or, without .tar.gz at its end, the directory to write; nothing is overwritten. By default the name says when' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l image -d 'The agent\'s image, for private registries' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l image-pull-policy -d 'When a node pulls the agent\'s image' -r -f -a "IfNotPresent\t''
Always\t''
Never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l no-probes -d 'Read only: start nothing in any pod'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -l deep -d 'Allow agents in pods that share a node\'s network'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s y -l yes -d 'Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand collect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l port -d 'The destination\'s port, by number or by name' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l protocol -d 'The transport protocol; TCP unless the Service\'s port says otherwise' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s f -l filename -d 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l from -d 'Read a recorded run instead of a cluster; what it did not record is missing' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -a "lint" -d 'Say what is wrong with policies as they are written: in a cluster, a recorded run, or manifests'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -a "matrix" -d 'Say who may connect to whom: every workload to every port of every workload'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and not __fish_seen_subcommand_from lint matrix help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s f -l filename -d 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l from -d 'Read a recorded run instead of a cluster; what it did not record is missing' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s A -l all-namespaces -d 'Policies of all namespaces'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l port -d 'A port of the destinations: 8080, 53/UDP, or the name that their containers give one. May be repeated. Without it, the ports that the containers of each destination declare' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l diff -d 'Say what another state of the policies changes: manifests (a file or a directory) or a recorded run. May be repeated for manifests' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s f -l filename -d 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l from -d 'Read a recorded run instead of a cluster; what it did not record is missing' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s A -l all-namespaces -d 'Workloads of all namespaces'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from matrix" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "lint" -d 'Say what is wrong with policies as they are written: in a cluster, a recorded run, or manifests'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "matrix" -d 'Say who may connect to whom: every workload to every port of every workload'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand policy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand rbac" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -s o -l output -d 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv, dot and svg are for policy matrix, sarif for policy lint' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''
csv\t''
sarif\t''
dot\t''
svg\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l color -d 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb' -r -f -a "auto\t''
always\t''
never\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l timeout -d 'End the whole run after this long with what is known by then, as 30s or 2m' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -s n -l namespace -d 'The namespace of names without one' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l context -d 'The context of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l kubeconfig -d 'The kubeconfig file' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l cluster -d 'The cluster of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l user -d 'The user of the kubeconfig' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -s s -l server -d 'Address and port of the API server' -r -f
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l request-timeout -d 'How long one request may take, as 1s or 2m; 0 is netcheck\'s own limit' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l as -d 'User name to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l as-user-extra -d 'Extra field to impersonate, as KEY=VALUE; may be repeated' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l token -d 'Bearer token' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l username -d 'User name of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l password -d 'Password of basic authentication' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l certificate-authority -d 'Certificate of the API server\'s authority' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l client-certificate -d 'Client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l client-key -d 'Key of the client certificate' -r -F
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l tls-server-name -d 'The name the server\'s certificate must have' -r
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l insecure-skip-tls-verify -d 'Take any certificate of the server. Insecure' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l disable-compression -d 'Ask for answers that are not compressed' -r -f -a "true\t''
false\t''"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -l cache-dir -d 'Taken for kubectl\'s sake: netcheck caches nothing' -r -f -a "(__fish_complete_directories)"
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -s q -l quiet -d 'No progress and no notices'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -s v -l verbose -d 'Say on stderr what is read and tried'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "info" -d 'Say which network the cluster has: CNI, kube-proxy, DNS, addresses, mesh, ingress, each with its evidence'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "collect" -d 'Record the inputs of a diagnosis in a file, to look at them elsewhere or later with --from'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "policy" -d 'Say whether the policies allow a connection, and which rule decides'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "rbac" -d 'Print the roles that a user of netcheck needs, as YAML'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "explain" -d 'Say what a finding means and how to mend it'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "completion" -d 'Print a completion script'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "version" -d 'Print versions'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and not __fish_seen_subcommand_from info collect policy rbac explain completion version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "lint" -d 'Say what is wrong with policies as they are written: in a cluster, a recorded run, or manifests'
complete -c kubectl-netcheck -n "__fish_kubectl_netcheck_using_subcommand help; and __fish_seen_subcommand_from policy" -f -a "matrix" -d 'Say who may connect to whom: every workload to every port of every workload'
