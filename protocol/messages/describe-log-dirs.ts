import { api, array, bool, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeLogDirs (key 35): log directories with the sizes of what lies in them.
 * v2 flexible (KIP-482) · v3 errorCode · v4 totalBytes (KIP-827), usableBytes (KIP-827) · v5 isCordoned (KIP-1066)
 */
export const describeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: '0-5',
  flexible: '2+',
  request: { topics: array({ topic: string(), partitions: array(int32()) }, { nullable: '0+' }) },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '3+' }),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          partitionSize: int64({ js: 'number' }),
          offsetLag: int64({ js: 'number' }),
          isFutureKey: bool(),
        }),
      }),
      totalBytes: int64({ versions: '4+', default: -1, js: 'number' }),
      usableBytes: int64({ versions: '4+', default: -1, js: 'number' }),
      isCordoned: bool({ versions: '5+' }),
    }),
  },
})
export type DescribeLogDirsRequest = Request<typeof describeLogDirs>
export type DescribeLogDirsResponse = Response<typeof describeLogDirs>
