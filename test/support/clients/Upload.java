import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Authenticator;
import java.net.HttpRetryException;
import java.net.HttpURLConnection;
import java.net.PasswordAuthentication;
import java.net.URI;

/**
 * Uploads with the HTTP client that Java has always had, for each line that it reads: address, bytes, mode (buffered, fixed
 * or chunked), user name, password, with tabs between them. "-" as a user name: none; "+NAME": sent with the first request,
 * as Team Explorer Everywhere does later on. Each has a connection of its own, and ends with a line that says so.
 */
public class Upload {
    public static void main(String[] none) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = lines.readLine()) != null; System.out.println("---")) {
            try {
                upload(line.split("\t", -1));
            } catch (Exception error) {
                System.out.println(error);
            }
        }
    }

    static void upload(String[] args) throws Exception {
        int size = Integer.parseInt(args[1]);
        HttpURLConnection connection = (HttpURLConnection) URI.create(args[0]).toURL().openConnection();
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        connection.setRequestProperty("Content-Type", "multipart/form-data; boundary=x");
        if (args[2].equals("fixed")) connection.setFixedLengthStreamingMode(size);
        if (args[2].equals("chunked")) connection.setChunkedStreamingMode(65536);
        if (args[3].startsWith("+")) {
            byte[] pair = (args[3].substring(1) + ":" + args[4]).getBytes("UTF-8");
            connection.setRequestProperty("Authorization", "Basic " + java.util.Base64.getEncoder().encodeToString(pair));
        } else if (!args[3].equals("-")) {
            Authenticator.setDefault(new Authenticator() {
                @Override
                protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication(args[3], args[4].toCharArray());
                }
            });
        }
        try (OutputStream out = connection.getOutputStream()) {
            byte[] block = new byte[65536];
            for (int sent = 0; sent < size; sent += block.length) out.write(block, 0, Math.min(block.length, size - sent));
        }
        int status;
        try {
            status = connection.getResponseCode();
        } catch (HttpRetryException error) {
            // What it makes of a challenge to a body that it has not kept.
            status = error.responseCode();
        }
        InputStream body = connection.getErrorStream();
        if (body == null && status < 400) body = connection.getInputStream();
        System.out.println(status + " " + (body == null ? "" : new String(body.readAllBytes(), "UTF-8")));
        connection.disconnect();
    }
}
