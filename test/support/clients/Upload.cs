using System;
using System.IO;
using System.Net;
using System.Text;

/// Uploads with .NET's HttpWebRequest, for each line that it reads: address, bytes, mode (buffered, fixed or chunked), user
/// name, password, with tabs between them. "-" as a user name: none; "+NAME": sent with the first request. Each has a
/// connection of its own, and ends with a line that says so.
public static class Upload
{
    public static void Main()
    {
        for (string line; (line = Console.ReadLine()) != null; Console.WriteLine("---"))
        {
            try { Send(line.Split('\t'), Guid.NewGuid().ToString()); }
            catch (Exception error) { Console.WriteLine(error); }
        }
    }

    static void Send(string[] args, string connection)
    {
        int size = int.Parse(args[1]);
        var request = (HttpWebRequest)WebRequest.Create(args[0]);
        request.ServicePoint.Expect100Continue = args.Length > 5 && args[5] == "expect";
        request.ConnectionGroupName = connection;
        request.Method = "POST";
        request.Timeout = 60000;
        request.ContentType = "multipart/form-data; boundary=x";
        request.AllowWriteStreamBuffering = args[2] == "buffered";
        if (args[2] == "fixed") request.ContentLength = size;
        if (args[2] == "chunked") request.SendChunked = true;
        if (args[3].StartsWith("+"))
            request.Headers["Authorization"] = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(args[3].Substring(1) + ":" + args[4]));
        else if (args[3] != "-")
            request.Credentials = new NetworkCredential(args[3], args[4]);
        try
        {
            using (var body = request.GetRequestStream())
            {
                var block = new byte[65536];
                for (int sent = 0; sent < size; sent += block.Length) body.Write(block, 0, Math.Min(block.Length, size - sent));
            }
            Show((HttpWebResponse)request.GetResponse());
        }
        catch (WebException error)
        {
            if (error.Response == null) throw;
            Show((HttpWebResponse)error.Response);
        }
    }

    static void Show(HttpWebResponse response)
    {
        using (var reader = new StreamReader(response.GetResponseStream(), Encoding.UTF8))
            Console.WriteLine((int)response.StatusCode + " " + reader.ReadToEnd());
    }
}
