import t from 'tap'
import { isSignInRedirect } from '../../src/proxying/screen-answer.ts'

const asked = 'http://upstream.internal:8080/tfs/p/_apis/git/repositories/r/items'

t.test('a redirect to any sign-in page is recognized', async t => {
  for (const location of [
    'https://login.microsoftonline.com/x',
    'https://LOGIN.microsoftonline.com./common/oauth2/v2.0/authorize?client_id=x',
    '//login.microsoftonline.com/x',
    'https://login.microsoftonline.us/common',
    'https://login.microsoftonline.de/common',
    'https://login.microsoftonline-us.com/common',
    'https://login.partner.microsoftonline.cn/common',
    'https://login.chinacloudapi.cn/common',
    'https://login.windows.net/common',
    'https://login.windows-ppe.net/common',
    'https://login.live.com/oauth20_authorize.srf',
    'https://login.microsoft.com/x',
    'https://sts.windows.net/tenant/',
    'https://app.vssps.visualstudio.com/_signin?realm=x&reply_to=y',
    'https://app.vssps.visualstudio.com/',
    'https://spsprodcus1.vssps.visualstudio.com/_signin?realm=x',
    'https://vssps.dev.azure.com/org/_signin',
    'https://contoso.b2clogin.com/x',
    'https://accounts.google.com/o/oauth2/v2/auth',
    'https://contoso.okta.com/app/x/sso/saml',
    'https://sso.contoso.example/cas?service=x',
    'https://login.contoso.example/',
    'https://adfs.contoso.example/adfs/ls/?wa=wsignin1.0',
    '/_signin',
    '/tfs/_signin?realm=x',
    '/tfs/%5Fsignin',
    '/tfs/_SignedIn',
    '/login',
    '/login/',
    '/user/login?redirect_to=%2Fx',
    '/users/sign_in',
    '/Account/Login.aspx?ReturnUrl=%2f',
    '/signin',
    '/sign-in',
    '/logon.html',
    'https://people.contoso.example/login?next=x',
    'https://people.contoso.example/oauth2/authorize?response_type=code',
    'https://people.contoso.example/oauth/authorize',
    'https://people.contoso.example/connect?client_id=1&redirect_uri=x&response_type=code',
    'https://people.contoso.example/post?SAMLRequest=abc',
    'https://people.contoso.example/?wa=wsignin1.0&wtrealm=x',
    'https://people.contoso.example/saml2',
  ])
    t.ok(isSignInRedirect(location, asked), location)
})

t.test('storage, mirrors and files with such names are not sign-in pages', async t => {
  for (const location of [
    'https://x1.blob.core.windows.net/c/login?sv=1&sig=x',
    'https://x1.s3.amazonaws.com/signin?X-Amz-Signature=x',
    'https://storage.googleapis.com/b/login.html?X-Goog-Signature=x',
    'https://cdn.example.org/login?Signature=x&Key-Pair-Id=y',
    'https://artprodcus3.artifacts.visualstudio.com/A1/_apis/artifact/x/content?format=zip',
    'https://cdn.example.org/login/app.zip',
    'https://cdn.example.org/users/sign_in/page.js',
    'https://cdn.example.org/x?file=/login',
    'https://cdn.example.org/x?next=https://login.microsoftonline.com/',
    'https://cdn.example.org/x#/login',
    'https://mylogin.example.org/x',
    'https://notlogin.microsoftonline.com.example.org/x',
    'https://spsprodcus1.vssps.visualstudio.com/_apis/profile/profiles/me',
    '/tfs/catalogin',
    '/tfs/my_signin',
    '/tfs/blogin',
    '/tfs/other?client_id=1',
    '../x',
    '',
    'http://[broken',
  ])
    t.notOk(isSignInRedirect(location, asked), location)
  t.notOk(isSignInRedirect('https://cdn.example.org/a/login', 'http://upstream.internal/x/a/login'))
})
