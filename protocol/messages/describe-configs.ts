import { api, array, bool, int8, int16, int32, type Request, type Response, string } from '../schema/index.ts'

/**
 * DescribeConfigs (key 32): configs of topics, brokers, groups and client metrics, with their sources.
 * v1 includeSynonyms (KIP-226), configSource, synonyms · v3 includeDocumentation (KIP-569), configType,
 * documentation · v4 flexible (KIP-482) · until v0 isDefault
 */
export const describeConfigs = api({
  key: 32,
  name: 'DescribeConfigs',
  versions: '0-4',
  flexible: '4+',
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: array(string(), { nullable: '0+' }),
    }),
    includeSynonyms: bool({ versions: '1+' }),
    includeDocumentation: bool({ versions: '3+' }),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: '0+' }),
        readOnly: bool(),
        isDefault: bool({ versions: '0' }),
        configSource: int8({ versions: '1+', default: -1 }),
        isSensitive: bool(),
        synonyms: array(
          {
            name: string({ versions: '1+' }),
            value: string({ versions: '1+', nullable: '0+' }),
            source: int8({ versions: '1+' }),
          },
          { versions: '1+' },
        ),
        configType: int8({ versions: '3+' }),
        documentation: string({ versions: '3+', nullable: '0+' }),
      }),
    }),
  },
})
export type DescribeConfigsRequest = Request<typeof describeConfigs>
export type DescribeConfigsResponse = Response<typeof describeConfigs>
