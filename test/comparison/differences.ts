/** test: where Odradek answers otherwise than Apache Kafka, on purpose, and why. A line that no longer applies fails the test. */
export interface Difference {
  /** `suite: scenario` */
  readonly scenarios: readonly string[]
  readonly steps: readonly string[] | 'all'
  /** Where in the answer, at all versions; `*`: anywhere. */
  readonly path: string
  /** With these two only where the answers are so. */
  readonly kafka?: unknown
  readonly odradek?: unknown
  readonly because: string
}

export const differences: readonly Difference[] = [
  {
    scenarios: ['produce: null instead of records'],
    steps: 'all',
    path: '*',
    because: 'Kafka fails inside and never answers; a client is better off with INVALID_RECORD.',
  },
  {
    scenarios: ['produce: records with a negative length', 'produce: records with magic 3'],
    steps: ['sent'],
    path: 'responses[0].partitionResponses[0].errorMessage',
    because:
      'Kafka refuses the whole request while it looks at it, with a message; here the partition alone is refused.',
  },
  {
    scenarios: ['produce: records with an unknown codec'],
    steps: ['sent'],
    path: '*',
    because: 'Kafka fails inside (UNKNOWN_SERVER_ERROR); UNSUPPORTED_COMPRESSION_TYPE says what is wrong.',
  },
  {
    scenarios: ['produce: records with gzip that is none', 'produce: records with lz4 that is none'],
    steps: ['sent', 'what is there then'],
    path: '*',
    because:
      'Batches pass through as they came: compressed ones are not opened unless a config of the topic asks for it.',
  },
  {
    scenarios: ['fetch: limits'],
    steps: ['the partition takes a batch and a bit', 'an oversized batch behind a small one'],
    path: 'responses[0].partitions[0].records',
    because: 'Only whole batches are sent; Kafka adds the start of one that clients throw away.',
  },
  {
    scenarios: ['fetch: topics and partitions that are not there'],
    steps: ['a missing one beside one that is there'],
    path: 'responses',
    because: 'Kafka lists a topic twice when errors of its partitions were found at different times.',
  },
  {
    scenarios: ['fetch: isolation and replicas', 'offsets: special timestamps'],
    steps: ['an unknown isolation level'],
    path: '*',
    because: 'Kafka fails inside (UNKNOWN_SERVER_ERROR); an unknown level is read_uncommitted here.',
  },
  {
    scenarios: ['cluster: configs'],
    steps: ['of a topic, with documentation'],
    path: 'results[0].configs[0].documentation',
    because: "The first sentence of Kafka's documentation, without HTML.",
  },
  {
    scenarios: ['cluster: configs'],
    steps: ['of the broker, with all'],
    path: 'results[0].configs[3].synonyms',
    because: 'node.id has a default here, so that a broker starts without any config.',
  },
  {
    scenarios: ['altered-configs: of a topic'],
    steps: ['an unknown operation'],
    path: '*',
    because: 'Kafka fails inside (UNKNOWN_SERVER_ERROR); INVALID_REQUEST says what is wrong.',
  },
  {
    scenarios: ['topics: metadata of topics'],
    steps: ['by the zero id and no name'],
    path: 'topics[0].errorCode',
    kafka: -1,
    odradek: 42,
    because: 'Kafka fails inside; INVALID_REQUEST says what is wrong.',
  },
  {
    scenarios: ['topics: metadata of topics'],
    steps: ['by the zero id and no name'],
    path: 'errorCode',
    kafka: -1,
    odradek: 42,
    because: 'Kafka fails inside; INVALID_REQUEST says what is wrong.',
  },
  {
    scenarios: ['topics: pages of partitions'],
    steps: ['no name'],
    path: '*',
    because: 'Kafka fails inside, for all topics; here the empty name alone is refused.',
  },
  {
    scenarios: ['cluster: coordinators'],
    steps: ['of a type that nobody knows', 'of a negative type'],
    path: 'errorMessage',
    because: "The message says which type it was; Kafka's is the one that all invalid requests get.",
  },
  {
    scenarios: ['cluster: coordinators'],
    steps: ['of a type that nobody knows', 'of a negative type'],
    path: 'coordinators[0].errorMessage',
    because: "The message says which type it was; Kafka's is the one that all invalid requests get.",
  },
  {
    scenarios: ['cluster: coordinators'],
    steps: ['of a share partition', 'of a share partition, v6'],
    path: 'coordinators[0].errorMessage',
    because: 'Share groups are not served yet, and the message says so.',
  },
  {
    scenarios: ['cluster: coordinators'],
    steps: ['of a transactional id'],
    path: '*',
    because: 'Kafka has not created __transaction_state yet; here it is there when the first client is answered.',
  },
  ...(
    [
      ['errorMessage', 'DESCRIBE'],
      ['errorMessage', 'ALTER'],
      ['results[0].errorMessage', 'ALTER'],
      ['filterResults[0].errorMessage', 'ALTER'],
    ] as const
  ).map(([path, operation]) => ({
    scenarios: ['acls: every API with every single right'],
    steps: 'all' as const,
    path,
    kafka: `Request <request> needs ${operation} permission.`,
    odradek: 'Cluster authorization failed.',
    because: "Kafka's message is its own request object printed; the error's usual message says as much.",
  })),
  ...['results[0].errorCode', 'results[0].errorMessage'].map((path) => ({
    scenarios: ['scram: odd credentials'],
    steps: ['no password'],
    path,
    because: 'Kafka fails inside (UNKNOWN_SERVER_ERROR); UNACCEPTABLE_CREDENTIAL says what is wrong.',
  })),
  {
    scenarios: ['consumer-groups: one member'],
    steps: ['fetch of nobody in an epoch'],
    path: 'groups[0].errorCode',
    kafka: -1,
    odradek: 25,
    because: 'Kafka fails inside; UNKNOWN_MEMBER_ID says what is wrong.',
  },
  {
    scenarios: ['transactional-partitions: offsets beside an open transaction'],
    steps: ['open from before the start: largest, 0', 'open from before the start: largest, 1'],
    path: '*',
    because: 'Kafka names a record that was deleted: the largest timestamp is looked for among those that can be read.',
  },
]
