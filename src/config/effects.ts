/** config: what setting a config does here: it is obeyed, or the reason why it has no effect yet. */

export type Effect = 'obeyed' | { readonly noEffect: string }

export const obeyed = 'obeyed'

function because(noEffect: string): Effect {
  return { noEffect }
}

/** The reasons, shared by many rows. A feature that gets built turns its rows to `obeyed` and loses its reason. */
export const notYet = {
  internals: because("Tunes an inner working of Kafka's broker that is done in another way here."),
  javaClasses: because('Names a Java class, which this broker cannot load.'),
  javaSecurity: because(
    "Chooses a part of Java's security library: OpenSSL, which is built into Node, does that work here.",
  ),
  kerberos: because('Kerberos (GSSAPI) is not served.'),
  lz4Levels: because(
    'The lz4 library that is used has one level: what is compressed here is read everywhere, but is larger than at level 9.',
  ),
  metrics: because(
    'Metrics are served for Prometheus (docs/metrics.md): there are no reporters, and no samples to size.',
  ),
  outgoing: because('It is about connections that a broker opens to others: this one opens none.'),
  purgatory: because('Waiting requests are woken by events; there is no purgatory to purge.'),
  replication: because(
    'All replicas are the one log that the brokers of a process share: nothing is fetched from other brokers.',
  ),
  shareGroups: because('Share groups (KIP-932) are not built yet.'),
  singleController: because('The controller is part of the broker process: there is no quorum to tune.'),
  socketBuffers: because('The operating system sizes socket buffers: Node has no call for it.'),
  streamsGroups: because('Streams groups (KIP-1071) are not built yet.'),
  threads: because('Node runs one event loop: there are no thread pools to size.'),
  tieredStorage: because('There is no tiered storage: segments stay in the log directory.'),
  unstable: because('Only stable API versions and feature levels are served.'),
}
