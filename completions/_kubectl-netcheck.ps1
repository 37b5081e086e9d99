
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'kubectl-netcheck' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'kubectl-netcheck'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'kubectl-netcheck' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The destination''s port, by number or by name')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'The transport protocol; TCP unless the Service''s port says otherwise')
            [CompletionResult]::new('--attempts', '--attempts', [CompletionResultType]::ParameterName, 'How often each connection is tried')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'The agent''s image, for private registries')
            [CompletionResult]::new('--image-pull-policy', '--image-pull-policy', [CompletionResultType]::ParameterName, 'When a node pulls the agent''s image')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Replay a recorded run instead of asking a cluster')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Write the inputs of this run to a file, for --from')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'From what on the exit code is 1')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('--no-probes', '--no-probes', [CompletionResultType]::ParameterName, 'Read only: start nothing in any pod')
            [CompletionResult]::new('--deep', '--deep', [CompletionResultType]::ParameterName, 'Allow agents in pods that share a node''s network')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print every read, object, verb and capability the run needs, and stop before anything is created')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'Say which network the cluster has: CNI, kube-proxy, DNS, addresses, mesh, ingress, each with its evidence')
            [CompletionResult]::new('collect', 'collect', [CompletionResultType]::ParameterValue, 'Record the inputs of a diagnosis in a file, to look at them elsewhere or later with --from')
            [CompletionResult]::new('policy', 'policy', [CompletionResultType]::ParameterValue, 'Say whether the policies allow a connection, and which rule decides')
            [CompletionResult]::new('rbac', 'rbac', [CompletionResultType]::ParameterValue, 'Print the roles that a user of netcheck needs, as YAML')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Say what a finding means and how to mend it')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print versions')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-netcheck;info' {
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'The agent''s image, for private registries')
            [CompletionResult]::new('--image-pull-policy', '--image-pull-policy', [CompletionResultType]::ParameterName, 'When a node pulls the agent''s image')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a recorded run instead of a cluster; what it did not record is a gap')
            [CompletionResult]::new('--record', '--record', [CompletionResultType]::ParameterName, 'Write what was read to a file, for --from')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('--deep', '--deep', [CompletionResultType]::ParameterName, 'Start an agent in kube-proxy''s pods, which share their node''s network, to hear which mode it really runs in')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before --deep starts an agent. Only a person at a terminal is asked')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before --deep starts an agent. Only a person at a terminal is asked')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;collect' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The destination''s port, by number or by name')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'The transport protocol; TCP unless the Service''s port says otherwise')
            [CompletionResult]::new('--attempts', '--attempts', [CompletionResultType]::ParameterName, 'How often each connection is tried')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'The file or, without .tar.gz at its end, the directory to write; nothing is overwritten. By default the name says when')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'The file or, without .tar.gz at its end, the directory to write; nothing is overwritten. By default the name says when')
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'The agent''s image, for private registries')
            [CompletionResult]::new('--image-pull-policy', '--image-pull-policy', [CompletionResultType]::ParameterName, 'When a node pulls the agent''s image')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('--no-probes', '--no-probes', [CompletionResultType]::ParameterName, 'Read only: start nothing in any pod')
            [CompletionResult]::new('--deep', '--deep', [CompletionResultType]::ParameterName, 'Allow agents in pods that share a node''s network')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask before --deep starts an agent. Only a person at a terminal is asked, and for nothing else')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;policy' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The destination''s port, by number or by name')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'The transport protocol; TCP unless the Service''s port says otherwise')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a recorded run instead of a cluster; what it did not record is missing')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('matrix', 'matrix', [CompletionResultType]::ParameterValue, 'Say who may connect to whom: every workload to every port of every workload')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-netcheck;policy;matrix' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'A port of the destinations: 8080, 53/UDP, or the name that their containers give one. May be repeated. Without it, the ports that the containers of each destination declare')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated')
            [CompletionResult]::new('--filename', '--filename', [CompletionResultType]::ParameterName, 'Read manifests instead of a cluster: a file, a directory with everything below it, or - for standard input. May be repeated')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a recorded run instead of a cluster; what it did not record is missing')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Workloads of all namespaces')
            [CompletionResult]::new('--all-namespaces', '--all-namespaces', [CompletionResultType]::ParameterName, 'Workloads of all namespaces')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;policy;help' {
            [CompletionResult]::new('matrix', 'matrix', [CompletionResultType]::ParameterValue, 'Say who may connect to whom: every workload to every port of every workload')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-netcheck;policy;help;matrix' {
            break
        }
        'kubectl-netcheck;policy;help;help' {
            break
        }
        'kubectl-netcheck;rbac' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;explain' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;completion' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;version' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'How the result is printed. wide adds every measurement; name prints only the codes of the causes; csv is for policy matrix')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour. The environment variable `NO_COLOR` turns it off for auto, and so does TERM=dumb')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'End the whole run after this long with what is known by then, as 30s or 2m')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of names without one')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The context of the kubeconfig')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file')
            [CompletionResult]::new('--cluster', '--cluster', [CompletionResultType]::ParameterName, 'The cluster of the kubeconfig')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'The user of the kubeconfig')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Address and port of the API server')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, as 1s or 2m; 0 is netcheck''s own limit')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'User name to impersonate')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'Group to impersonate; may be repeated')
            [CompletionResult]::new('--as-uid', '--as-uid', [CompletionResultType]::ParameterName, 'UID to impersonate')
            [CompletionResult]::new('--as-user-extra', '--as-user-extra', [CompletionResultType]::ParameterName, 'Extra field to impersonate, as KEY=VALUE; may be repeated')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Bearer token')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'User name of basic authentication')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Password of basic authentication')
            [CompletionResult]::new('--certificate-authority', '--certificate-authority', [CompletionResultType]::ParameterName, 'Certificate of the API server''s authority')
            [CompletionResult]::new('--client-certificate', '--client-certificate', [CompletionResultType]::ParameterName, 'Client certificate')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'Key of the client certificate')
            [CompletionResult]::new('--tls-server-name', '--tls-server-name', [CompletionResultType]::ParameterName, 'The name the server''s certificate must have')
            [CompletionResult]::new('--insecure-skip-tls-verify', '--insecure-skip-tls-verify', [CompletionResultType]::ParameterName, 'Take any certificate of the server. Insecure')
            [CompletionResult]::new('--disable-compression', '--disable-compression', [CompletionResultType]::ParameterName, 'Ask for answers that are not compressed')
            [CompletionResult]::new('--cache-dir', '--cache-dir', [CompletionResultType]::ParameterName, 'Taken for kubectl''s sake: netcheck caches nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No progress and no notices')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on stderr what is read and tried')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'kubectl-netcheck;help' {
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'Say which network the cluster has: CNI, kube-proxy, DNS, addresses, mesh, ingress, each with its evidence')
            [CompletionResult]::new('collect', 'collect', [CompletionResultType]::ParameterValue, 'Record the inputs of a diagnosis in a file, to look at them elsewhere or later with --from')
            [CompletionResult]::new('policy', 'policy', [CompletionResultType]::ParameterValue, 'Say whether the policies allow a connection, and which rule decides')
            [CompletionResult]::new('rbac', 'rbac', [CompletionResultType]::ParameterValue, 'Print the roles that a user of netcheck needs, as YAML')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Say what a finding means and how to mend it')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print versions')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'kubectl-netcheck;help;info' {
            break
        }
        'kubectl-netcheck;help;collect' {
            break
        }
        'kubectl-netcheck;help;policy' {
            [CompletionResult]::new('matrix', 'matrix', [CompletionResultType]::ParameterValue, 'Say who may connect to whom: every workload to every port of every workload')
            break
        }
        'kubectl-netcheck;help;policy;matrix' {
            break
        }
        'kubectl-netcheck;help;rbac' {
            break
        }
        'kubectl-netcheck;help;explain' {
            break
        }
        'kubectl-netcheck;help;completion' {
            break
        }
        'kubectl-netcheck;help;version' {
            break
        }
        'kubectl-netcheck;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
