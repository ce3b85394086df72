import { exceptionOf, onOneLine, type Presenter } from './presenter.ts'

/** For the REST clients of Azure DevOps, which show `message` and know an error by `typeKey`. */
export const inRest: Presenter = (terms, setting) => {
  const typeKey = exceptionOf(setting.outcome)
  const error = {
    $id: '1',
    innerException: null,
    message: onOneLine(terms, setting.requestId),
    typeName: `Altgate.${typeKey}`,
    typeKey,
    errorCode: 0,
    eventId: 3000, // what Azure DevOps says of every error
  }
  return { contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(error)}\n` }
}
